"""The command line `ipfs-accelerate`: one module for each command, loaded when it is asked for."""
