"""On a timer."""
