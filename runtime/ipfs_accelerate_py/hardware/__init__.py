"""What this machine can compute on: the names of the backends, and probes that try each of them."""
