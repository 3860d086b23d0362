"""The com.atproto.temp methods."""
