"""Why a client is not accepted, in words that help who wrote its metadata."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

ErrorName: TypeAlias = Literal["invalid_client_metadata", "invalid_redirect_uri"]


class ClientMetadataError(ValueError):
    """The client's id or document is at fault; the message begins with the ``field``.

    ``error`` is the name for the wire.
    """

    def __init__(
        self, field: str, reason: str, *, error: ErrorName = "invalid_client_metadata"
    ) -> None:
        super().__init__(f"{field}: {reason}")
        self.field: Final = field
        self.error: Final = error
