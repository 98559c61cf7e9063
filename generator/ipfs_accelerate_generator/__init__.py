"""From facts and templates to modules that can be read, run and proved."""
