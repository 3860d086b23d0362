"""Pages for people; each is a file."""
