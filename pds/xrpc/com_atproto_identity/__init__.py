"""The com.atproto.identity methods."""
