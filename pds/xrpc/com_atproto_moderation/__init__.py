"""The com.atproto.moderation methods."""
