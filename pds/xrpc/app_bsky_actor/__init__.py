"""The app.bsky.actor methods that a PDS answers, or completes what the app view answers."""
