"""The com.atproto.sync methods."""
