"""How the tensors are made that no processor makes: rules by what an input carries, in one table."""
