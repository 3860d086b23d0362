"""Whoever reads the database has no code and no token of an app: not a byte of them is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pds.services.oauth.refresh_tokens import hash_of
from pds.services.oauth.token_refresh import PresentedRefreshToken
from pds.services.oauth.token_reply import TokenReply
from tests.factories import Person
from tests.grant_tools import JKT
from tests.token_tools import app, build_grants, issue_code

if TYPE_CHECKING:
    from pds.services import Services


def bytes_of(directory: Path) -> bytes:
    """All that SQLite has written, the log included."""
    files = sorted(directory.glob("pds.sqlite*"))
    assert len(files) > 1
    return b"".join(file.read_bytes() for file in files)


def test_no_code_and_no_token_is_ever_written(services: Services, alice: Person) -> None:
    grants = build_grants(services)
    directory = services.config.data_directory
    presented = issue_code(services, alice)
    written = bytes_of(directory)
    replies: list[TokenReply] = [grants.exchange(app(), presented)]
    for _ in range(3):
        token = replies[-1].refresh_token
        assert token is not None
        replies.append(grants.refresh(app(), PresentedRefreshToken(token, JKT)))
        written += bytes_of(directory)

    secrets = [presented.code, presented.code_verifier]
    for reply in replies:
        assert reply.refresh_token is not None
        secrets += [reply.refresh_token, reply.access_token]
        secrets.append(reply.access_token.rpartition(".")[2])
    random_parts = [secret.removeprefix("ref-").removeprefix("cod-") for secret in secrets]
    as_bytes = [bytes.fromhex(part) for part in random_parts if len(part) == 64]
    assert len(as_bytes) == 5
    for part in (*(text.encode() for text in random_parts), *as_bytes):
        assert part not in written
    for known in (presented.code, replies[-1].refresh_token or ""):
        assert hash_of(known).encode() in written  # the search does find what is there
