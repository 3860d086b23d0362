"""The AT Protocol as pure functions: bytes in, bytes out; no network, disk, clock or settings."""
