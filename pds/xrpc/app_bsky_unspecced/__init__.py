"""The app.bsky.unspecced methods that an operator may have this server answer."""
