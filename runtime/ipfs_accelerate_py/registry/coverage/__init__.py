"""What is proved, of which model types, tasks and backends: as rows, counts, pages, and beside an earlier time."""
