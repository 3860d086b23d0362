"""com.atproto.sync.*"""
