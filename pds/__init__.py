"""Hearth, a Personal Data Server for the AT Protocol that people run at home."""

__version__ = "0.1.0"
