"""What was seen, kept in DuckDB: a small store, the results database over it, and questions to ask of it."""
