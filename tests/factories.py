"""Things tests are made of: settings, people with accounts, calls."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.firehose_frames import decode_frame
from pds.atproto.service_auth import create_service_token
from pds.config import Config
from pds.errors import PdsError
from pds.services.account_creation import AccountCreation, NewAccount, Parts
from pds.services.keys import SigningKeys
from pds.services.session_scopes import Scope
from pds.storage import accounts, database, events
from pds.storage.accounts import AccountRow
from pds.storage.database import close_thread_connection, transaction
from pds.xrpc.loading import load_methods
from pds.xrpc.method import ANONYMOUS, Call, Caller

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.identity import Identity

START_US = 1_790_000_000_000_000
ROTATION_KEY = PrivateKey.from_bytes(bytes(31) + b"\x07")
ADMIN = Caller("admin")
ADMIN_PASSWORD = "the admin's password"
TABLES = (
    "account",
    "signing_key",
    "session",
    "refresh_token",
    "app_password",
    "invite_code_use",
    "repo_root",
    "block",
    "event",
    "preference",
    "plc_operation",
)
CREATE_ACCOUNT = "com.atproto.server.createAccount"


class StillClock:
    """A clock that moves only when told to."""

    def __init__(self, now_us: int = START_US) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us

    def advance(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)


def make_config(data_directory: Path, **settings: str) -> Config:
    """Settings of a local server; ``settings`` are variables without ``PDS_``, as text."""
    environ = {
        "DATA_DIRECTORY": str(data_directory),
        "JWT_SECRET": "0123456789abcdef" * 4,
        "ADMIN_PASSWORD": ADMIN_PASSWORD,
        "PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": ROTATION_KEY.to_bytes().hex(),
        **settings,
    }
    return Config.from_env({f"PDS_{name.upper()}": value for name, value in environ.items()})


@dataclass(frozen=True)
class Person:
    """Somebody with an account here, and what they hold of it."""

    did: str
    handle: str
    email: str
    password: str
    access_jwt: str
    refresh_jwt: str

    @property
    def row(self) -> AccountRow:
        """The account as it is stored now."""
        row = accounts.find_by_did(self.did)
        assert row is not None, f"{self.handle} has no account any more"
        return row

    @property
    def caller(self) -> Caller:
        """Signed in with every right."""
        return Caller("user", self.did, Scope.ACCESS)


def new_account(name: str = "alice", **changes: Any) -> NewAccount:
    """A sign-up that a local server accepts."""
    wanted = NewAccount(f"{name}.test", f"{name}@example.com", f"password of {name}")
    return dataclasses.replace(wanted, **changes)


def make_account(services: Services, name: str, **changes: Any) -> Person:
    """Sign up ``name``.test."""
    wanted = new_account(name, **changes)
    created = services.accounts.create(wanted)
    tokens = created.tokens
    assert wanted.email is not None
    return Person(
        created.did,
        created.handle,
        wanted.email,
        wanted.password or "",
        tokens.access_jwt,
        tokens.refresh_jwt,
    )


def end_did(identity: Identity, did: str) -> None:
    """What somebody does who ends a DID with this server's key."""
    tombstone = plc.build_tombstone(identity.last_operation(did), identity.rotation_key)
    identity.submit_operation(did, tombstone)


def take_down(person: Person) -> None:
    """What an admin's takedown does to the account's row."""
    with transaction():
        accounts.set_takedown(person.row.id, "ref")


@dataclass(frozen=True)
class Newcomer:
    """Somebody whose account is on another server; their DID resolves through the directory."""

    did: str
    key: PrivateKey
    operation: dict[str, Any]

    def token(self, services: Services, lxm: str = CREATE_ACCOUNT, **claims: Any) -> str:
        """A service token with which they ask this server for something."""
        fields = {"iss": self.did, "aud": services.config.service_did, "lxm": lxm, "jti": "1"}
        now_s = services.clock() // 1_000_000
        return create_service_token(**{"key": self.key, "now": now_s, **fields, **claims})

    def wants(self, name: str = "carol", **changes: Any) -> NewAccount:
        """Their sign-up here, already authenticated."""
        return new_account(name, did=self.did, issuer=self.did, **changes)

    def point_here(self, services: Services) -> None:
        """Make their DID document name this server, as the last step of a move."""
        row = accounts.find_by_did(self.did)
        assert row is not None
        credentials = services.identity.recommended_credentials(row.handle, _key_here(row))
        operation = plc.build_update(
            self.operation,
            signer=self.key,
            rotation_keys=[self.key.did_key, *credentials["rotationKeys"]],
            also_known_as=credentials["alsoKnownAs"],
            verification_methods=credentials["verificationMethods"],
            services=credentials["services"],
        )
        assert services.local_plc is not None
        services.local_plc.submit(self.did, operation)


def make_newcomer(services: Services, handle: str = "carol.old.test") -> Newcomer:
    """Register a DID that points to another server."""
    key = PrivateKey.generate()
    did, operation = plc.build_genesis(
        rotation_keys=[key.did_key],
        signing_key=key.did_key,
        handle=handle,
        pds_endpoint="https://old.example.com",
        signer=key,
    )
    assert services.local_plc is not None
    services.local_plc.submit(did, operation)
    return Newcomer(did, key, operation)


def _key_here(row: AccountRow) -> str:
    from pds.storage.signing_keys import find_key

    stored = find_key(row.id)
    assert stored is not None
    return stored.did_key


def invite_only_creation(services: Services) -> AccountCreation:
    """The sign-up of a server that demands invite codes."""
    keys = SigningKeys(services.identity.rotation_key)
    parts = Parts(
        services.identity,
        services.handles,
        services.invites,
        keys,
        services.repos,
        services.sequencer,
        services.sessions,
        services.flood_breaker,
        services.mail,
    )
    return AccountCreation(parts, services.clock, invite_required=True)


def make_code(services: Services, uses: int = 1) -> str:
    [(_, [code])] = services.invites.create(uses)
    return code


def race(attempts: list[Callable[[], object]]) -> list[object]:
    """Run all at once; what each returned or raised."""
    outcomes: list[object] = []
    start = threading.Barrier(len(attempts))

    def work(attempt: Callable[[], object]) -> None:
        start.wait()
        try:
            outcomes.append(attempt())
        except PdsError as error:
            outcomes.append(error)
        finally:
            close_thread_connection()

    threads = [threading.Thread(target=work, args=(attempt,)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == len(attempts)
    return outcomes


def read_events(after: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """(kind, payload) of every stored event with a number above ``after``."""
    frames = events.frames_between(after, events.last_seq(), 1_000_000_000)
    decoded = [decode_frame(frame) for _, frame in frames]
    return [(header["t"], payload) for header, payload in decoded]


def dump_tables(*names: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of some tables (by default all that hold accounts' data), to compare."""
    return {name: database.rows(f"SELECT * FROM {name} ORDER BY 1") for name in names or TABLES}


def make_call(services: Services, caller: Caller = ANONYMOUS, **fields: Any) -> Call:
    """A call as the dispatcher would hand it over; ``params`` and ``input`` by name."""
    given: dict[str, Any] = {"params": {}, "input": {}, **fields}
    return Call(services=services, caller=caller, **given)


def ask(services: Services, nsid: str, caller: Caller = ANONYMOUS, **fields: Any) -> Any:
    """The reply of a method's handler, checked by the Lexicon. Nobody is authenticated here."""
    reply = load_methods()[nsid].handler(make_call(services, caller, **fields))
    if isinstance(reply, dict):
        services.validator.check_output(nsid, reply)
    return reply
