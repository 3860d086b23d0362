"""The OAuth of the AT Protocol as pure functions: time and keys come as arguments."""
