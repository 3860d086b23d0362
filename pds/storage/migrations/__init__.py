"""Numbered steps that bring a database file to today's shape."""
