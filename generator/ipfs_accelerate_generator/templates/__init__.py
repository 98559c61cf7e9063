"""The texts that modules are made from: read from folders, kept with their history in a database."""
