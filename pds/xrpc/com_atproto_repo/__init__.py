"""com.atproto.repo.*"""
