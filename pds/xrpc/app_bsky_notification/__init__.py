"""The app.bsky.notification methods that need a service of their own to be found."""
