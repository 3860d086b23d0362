"""How it is asked: one module per method, its path the NSID."""
