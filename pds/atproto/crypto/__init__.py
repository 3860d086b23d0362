"""K-256 and P-256 keys, did:key, low-S signatures."""
