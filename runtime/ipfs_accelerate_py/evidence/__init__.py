"""What was seen, of which text and in which environment, and the arithmetic that judges it."""
