"""Other servers, one kind of peer per file; all that can be slow, absent or hostile."""
