"""uploadBlob: a reference for the record to come."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from pds.atproto.cid import cid_for_raw
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.errors import InvalidRequestError, PayloadTooLargeError
from pds.oauth_errors import MissingScopeError
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths, Caller
from tests.factories import Person, ask, dump_tables

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.repo.uploadBlob"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def test_reply_is_the_reference(services: Services, alice: Person) -> None:
    reply = ask(services, NSID, alice.caller, body=io.BytesIO(PNG), content_type="image/jpeg")

    assert reply == {
        "blob": {
            "$type": "blob",
            "ref": cid_for_raw(PNG),
            "mimeType": "image/png",
            "size": len(PNG),
        }
    }


def test_inactive_account_may_upload_as_it_moves_in(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)

    ask(services, NSID, alice.caller, body=io.BytesIO(PNG), content_type="image/png")


def test_service_token_of_the_user_uploads_to_their_account(
    services: Services, alice: Person
) -> None:
    caller = Caller("service", alice.did)

    ask(services, NSID, caller, body=io.BytesIO(PNG), content_type="image/png")

    assert services.blobs.counts(alice.row.id) == (0, 0)


def test_too_large_upload_is_refused(services: Services, alice: Person) -> None:
    body = io.BytesIO(bytes(services.config.blob_upload_limit + 1))

    with pytest.raises(PayloadTooLargeError) as caught:
        ask(services, NSID, alice.caller, body=body, content_type="image/png")

    assert (caught.value.status, caught.value.error) == (413, "PayloadTooLarge")


def test_upload_without_a_body_or_type_is_refused(services: Services, alice: Person) -> None:
    with pytest.raises(InvalidRequestError, match="body"):
        ask(services, NSID, alice.caller, content_type="image/png")
    with pytest.raises(InvalidRequestError, match="Content-Type"):
        ask(services, NSID, alice.caller, body=io.BytesIO(PNG))


def test_limits_are_those_of_the_settings(services: Services) -> None:
    method = load_methods()[NSID]
    assert method.auth is Auths.UPLOAD
    assert callable(method.body_limit_bytes)
    assert method.body_limit_bytes(services) == services.config.blob_upload_limit
    figures = [(limit.points, limit.window_s) for limit in method.limits]
    assert figures == [(1_000, 86_400), (50_000, 86_400)]


@pytest.mark.parametrize("declared", ["image/png", "*/*", "text/plain"])
def test_app_may_upload_what_it_is_not_what_it_is_called(
    services: Services, alice: Person, declared: str
) -> None:
    """The declared type is looked at before the handler runs, see ``scope_check``."""
    caller = Caller("user", alice.did, scopes=ScopeSet.parse("atproto blob:text/plain"))

    with pytest.raises(MissingScopeError, match='"blob:image/png"'):
        ask(services, NSID, caller, body=io.BytesIO(PNG), content_type=declared)

    assert dump_tables("blob") == {"blob": []}
    assert [file for file in services.config.data_directory.rglob("*") if "blob" in file.name] == [
        services.config.data_directory / "blobs"
    ]
