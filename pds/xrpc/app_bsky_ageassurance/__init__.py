"""The app.bsky.ageassurance methods that an operator may have this server answer."""
