"""What is on disk; the only package that knows Peewee and SQL."""
