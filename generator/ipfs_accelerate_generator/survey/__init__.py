"""The survey: what the installed transformers says about a model type, and a small model that proves it."""
