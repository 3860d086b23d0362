"""The app.bsky.actor methods that a PDS answers itself."""
