"""What the server can do, whoever asks."""
