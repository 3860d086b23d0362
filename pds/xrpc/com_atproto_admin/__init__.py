"""The com.atproto.admin methods."""
