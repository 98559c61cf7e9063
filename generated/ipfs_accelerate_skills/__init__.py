"""Generated skills, one module per model type; importing this package imports none of them."""
