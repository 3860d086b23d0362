"""The app.bsky.feed methods that the app view answers and this server completes."""
