"""The com.atproto.repo methods."""
