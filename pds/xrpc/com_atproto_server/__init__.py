"""The com.atproto.server methods."""
