"""The Merkle search tree that holds a repo's records."""
