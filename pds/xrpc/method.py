"""What an XRPC method declares about itself, and what its handler is given.

A handler is a plain function ``(call: Call) -> Reply``. Everything that is decided before it runs
(verb, who may call, what it costs, how large a body may be) is data beside it, so that opening a
method to the public is a visible difference in review.
Spec: https://atproto.com/specs/xrpc
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.needs import Need
from pds.services.devices import Device, seen_device
from pds.services.session_scopes import Scope
from pds.services.upstream_reply import UpstreamReply

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.sequencer import Subscription

JSON_LIMIT_BYTES = 153_600  # 150 KiB, as the reference
RECORD_LIMIT_BYTES = 1_000_000


FULL = frozenset({Scope.ACCESS})
PRIVILEGED = FULL | {Scope.APP_PASS_PRIVILEGED}
STANDARD = PRIVILEGED | {Scope.APP_PASS}

AuthKind = Literal[
    "none",
    "access",
    "refresh",
    "admin",
    "moderator",
    "user_or_moderator",
    "optional",
    "new_account",
    "upload",
    "service",
]


@dataclass(frozen=True, slots=True)
class Auth:
    """Who may call a method.

    kind:
        none         the Authorization header is ignored
        access       an access token: a password session's whose scope is in ``scopes``, or an OAuth
                     client's, to which ``pds.xrpc.scope_check`` applies
        refresh      a refresh token (``allow_expired``: also one that has lapsed)
        admin        HTTP Basic ``admin:<password>``
        moderator    the admin, or the moderation service's token for this method
        user_or_moderator  an access token, or the moderation service's token for this method
        optional     nobody, an access token, or the admin (the sync reads)
        new_account  nobody, or a service token for this method (createAccount)
        upload       an access token, or the user's service token for this method
        service      a DID's service token for this method, or the admin
    check_takedown / check_deactivated: refuse accounts in that state with 401.
    """

    kind: AuthKind
    scopes: frozenset[Scope] = frozenset()
    check_takedown: bool = False
    check_deactivated: bool = False
    allow_expired: bool = False


class Auths:
    """The policies in use, by name."""

    NONE = Auth("none")
    USER = Auth("access", STANDARD)
    USER_ACTIVE = Auth("access", STANDARD, check_takedown=True, check_deactivated=True)
    PROXIED = Auth("access", STANDARD, check_takedown=True)
    USER_NOT_TAKEN_DOWN = Auth("access", STANDARD, check_takedown=True)
    FULL_USER = Auth("access", FULL)
    FULL_USER_NOT_TAKEN_DOWN = Auth("access", FULL, check_takedown=True)
    FULL_USER_OR_TAKEN_DOWN = Auth("access", FULL | {Scope.TAKENDOWN})
    USER_OR_TAKEN_DOWN = Auth("access", STANDARD | {Scope.TAKENDOWN})
    REFRESH = Auth("refresh")
    REFRESH_OR_EXPIRED = Auth("refresh", allow_expired=True)
    ADMIN = Auth("admin")
    MODERATOR = Auth("moderator")
    USER_OR_MODERATOR = Auth("user_or_moderator", STANDARD | {Scope.TAKENDOWN})
    OPTIONAL = Auth("optional", STANDARD)
    OPTIONAL_OR_TAKEN_DOWN = Auth("optional", STANDARD | {Scope.TAKENDOWN})
    NEW_ACCOUNT = Auth("new_account")
    SERVICE_OR_ADMIN = Auth("service")
    UPLOAD = Auth("upload", STANDARD, check_takedown=True)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as authenticated.

    Users come with a password session, which has a ``scope``, or through an OAuth client, to which
    they have given ``scopes``; never with both.
    """

    kind: Literal["anonymous", "user", "service", "moderator", "admin"]
    did: str | None = None
    scope: Scope | None = None
    token_id: str | None = None  # jti of a refresh token
    session_id: str | None = None  # of users; not in refresh tokens of the reference server
    app_password_name: str | None = None  # known of access tokens
    scopes: ScopeSet | None = None
    grant_id: str | None = None
    client_id: str | None = None

    @property
    def is_admin(self) -> bool:
        return self.kind == "admin"

    def permits(self, need: Need) -> bool:
        """Whether the user has let whoever calls do this. Without a client, it is them."""
        return self.scopes is None or self.scopes.permits(need)


ANONYMOUS = Caller("anonymous")


LimitKey = Literal["ip", "did", "login", "email"]


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget: at most ``points`` per ``window_s`` seconds for one ``key``.

    Limits with the same ``name`` share one budget. ``cost`` computes a call's points from it; None
    is one point. key:
        ip       the caller's address
        did      the caller's account
        login    the name somebody logs in with, together with the address
        email    the address in the body's ``email``
    """

    name: str
    points: int
    window_s: int
    key: LimitKey = "ip"
    cost: Callable[[Call], int] | None = None


@dataclass(slots=True)
class Call:
    """One call, checked and authenticated.

    params: coerced by the Lexicon, defaults filled in.
    input: the JSON body in data-model form (links are Cid, bytes are bytes), checked by the
        Lexicon; ``{}`` for methods without a JSON body.
    body: the raw, decoded body of methods whose encoding is not JSON (size-limited), else None.
    query_string: as it was sent, for parameters that the Lexicon does not know.
    http_method: GET, HEAD or POST.
    """

    services: Services
    params: dict[str, Any]
    input: dict[str, Any]
    caller: Caller
    body: BinaryIO | None = None
    content_type: str | None = None
    client_ip: str = ""
    request_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query_string: str = ""
    http_method: str = "GET"

    @property
    def did(self) -> str:
        """The caller's DID. Only for methods whose ``auth`` demands a user."""
        if self.caller.did is None:
            message = "this method does not demand a user"
            raise RuntimeError(message)
        return self.caller.did

    @property
    def device(self) -> Device:
        """Where the call comes from, to remember with a session."""
        return seen_device(self.headers.get("User-Agent"), self.client_ip)


@dataclass(frozen=True, slots=True)
class Body:
    """A reply that is not JSON: ``content`` is bytes, chunks (≥ 64 KiB), or an open binary file."""

    content: bytes | Iterable[bytes] | BinaryIO
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A reply of bytes that never change, of which callers may have a part, or hear "unchanged".

    tag: what the bytes are known by (the ETag), without quotes.
    open: called with (first byte, number of bytes) when bytes are wanted at all; returns a file
        that stands at the first one. The file may go on after the last.
    """

    open: Callable[[int, int], BinaryIO]
    size_bytes: int
    tag: str
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoBody:
    """A reply without a body that has headers of its own."""

    headers: Mapping[str, str]


Reply = dict[str, Any] | Body | Stored | NoBody | UpstreamReply | None
Handler = Callable[[Call], Reply]
StreamOpener = Callable[[Call], "Subscription"]


@dataclass(frozen=True, slots=True)
class Method:
    """A method as declared: found by its NSID.

    asks_others: it may wait for another service, and so runs in threads of its own kind.
    """

    nsid: str
    kind: Literal["query", "procedure", "subscription"]
    auth: Auth
    handler: Handler | StreamOpener
    limits: tuple[Limit, ...] = ()
    body_limit_bytes: int | Callable[[Services], int] = JSON_LIMIT_BYTES
    counts_globally: bool = True  # spends one point of the per-address budget
    asks_others: bool = False


METHODS: dict[str, Method] = {}


def _register(method: Method) -> None:
    if method.nsid in METHODS:
        message = f"two modules declare {method.nsid}"
        raise RuntimeError(message)
    METHODS[method.nsid] = method


def query(
    nsid: str,
    *,
    auth: Auth,
    limits: tuple[Limit, ...] = (),
    counts_globally: bool = True,
    asks_others: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare the decorated function as the query ``nsid``. ``auth`` has no default on purpose."""

    def declare(handler: Handler) -> Handler:
        _register(
            Method(
                nsid,
                "query",
                auth,
                handler,
                limits,
                counts_globally=counts_globally,
                asks_others=asks_others,
            )
        )
        return handler

    return declare


def procedure(
    nsid: str,
    *,
    auth: Auth,
    limits: tuple[Limit, ...] = (),
    body_limit_bytes: int | Callable[[Services], int] = JSON_LIMIT_BYTES,
    asks_others: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare the decorated function as the procedure ``nsid``."""

    def declare(handler: Handler) -> Handler:
        _register(
            Method(
                nsid, "procedure", auth, handler, limits, body_limit_bytes, asks_others=asks_others
            )
        )
        return handler

    return declare


def subscription(
    nsid: str, *, auth: Auth, limits: tuple[Limit, ...] = ()
) -> Callable[[StreamOpener], StreamOpener]:
    """Declare the decorated function as the event stream ``nsid``.

    It opens a ``Subscription``; ``web/firehose.py`` pumps its frames into the WebSocket.
    """

    def declare(opener: StreamOpener) -> StreamOpener:
        _register(Method(nsid, "subscription", auth, opener, limits))
        return opener

    return declare
