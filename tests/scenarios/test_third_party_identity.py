"""A stranger's client changes its handle, adds a key of its own and looks people up."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from pds.atproto.crypto.keypair import PrivateKey
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("sdk") / "data") as running:
        yield running


# The SDK's own dependencies warn about things that are not ours.
@pytest.mark.filterwarnings("default")
def test_sdk_looks_after_its_identity(server: ServerProcess) -> None:
    from atproto import Client, Request, models  # 0.5 s of import, only where it is used

    with contextlib.closing(Request()) as connection:
        client = Client(f"{server.url}/xrpc", request=connection)
        _look_after_identity(server, client, models)


def _look_after_identity(server: ServerProcess, client: Any, models: Any) -> None:
    did = server.create_account("carol").did
    client.login("carol.test", "pass-word", fetch_bsky_profile=False)
    identity = client.com.atproto.identity

    identity.update_handle(models.ComAtprotoIdentityUpdateHandle.Data(handle="carol2.test"))
    found = identity.resolve_identity(
        models.ComAtprotoIdentityResolveIdentity.Params(identifier="carol2.test")
    )
    assert (found.did, found.handle) == (did, "carol2.test")

    identity.request_plc_operation_signature()
    recommended = identity.get_recommended_did_credentials()
    own_key = PrivateKey.generate().did_key
    signed = identity.sign_plc_operation(
        models.ComAtprotoIdentitySignPlcOperation.Data(
            token=_code(server), rotation_keys=[own_key, *recommended.rotation_keys]
        )
    )
    identity.submit_plc_operation(
        models.ComAtprotoIdentitySubmitPlcOperation.Data(operation=signed.operation)
    )
    log = server._send("GET", f"/{did}/log", None, None, {})
    assert [operation["rotationKeys"][0] == own_key for operation in log] == [False, False, True]

    fresh = identity.refresh_identity(models.ComAtprotoIdentityRefreshIdentity.Data(identifier=did))
    assert fresh.handle == "carol2.test"


def _code(server: ServerProcess) -> str:
    """The code that was mailed."""
    with contextlib.closing(sqlite3.connect(server.data / "pds.sqlite")) as database:
        [(token,)] = database.execute("SELECT token FROM email_token").fetchall()
        return str(token)
