"""Every setting: its name, what it may be, its default and what it does.

The class is the table: the field ``port`` is the variable ``PDS_PORT``. Names and meanings are the
reference PDS's, so that its environment files load unchanged; those this version does not act on
are in ``later_settings.py``. Where the values come from is ``environment.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pds import __version__
from pds.backup_settings import BackupSettings
from pds.later_settings import BOTH_OR_NONE, LATER_SETTINGS, NEEDS, ONE_ALONE
from pds.setting_groups import (
    BrandingSettings,
    BucketSettings,
    FirehoseSettings,
    LimitSettings,
    MailSettings,
    OAuthSettings,
    SignUpSettings,
    UpstreamSettings,
    WatchSettings,
)
from pds.settings import (
    REQUIRED,
    ConfigError,
    Network,
    Setting,
    bind_address,
    boolean,
    did,
    did_key,
    email,
    handle_domain,
    hostname,
    integer,
    k256_private_key_hex,
    log_level,
    many,
    network,
    path,
    setting,
    text,
    url,
)

__all__ = ["SETTINGS", "Config", "ConfigError"]

LOCAL_DIRECTORY_URL = "the directory built in for localhost, else https://plc.directory"
OWN_NETWORKS = (
    "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,fc00::/7,fe80::/10"
)
LONGEST_SHOWN = 200  # characters of a wrong value
JWT_SECRET_MINIMUM = 32  # bytes; RFC 7518 §3.2 wants the key of HS256 as long as its hash

Values = dict[str, Any]


def is_local(values: Mapping[str, Any]) -> bool:
    return bool(values["hostname"] == "localhost")


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Config(
    BackupSettings,
    BrandingSettings,
    BucketSettings,
    FirehoseSettings,
    LimitSettings,
    MailSettings,
    OAuthSettings,
    SignUpSettings,
    UpstreamSettings,
    WatchSettings,
):
    """The settings of one server, checked. Times are in the unit the name or the help says."""

    # --- service ----------------------------------------------------------------------------
    hostname: str = setting(
        hostname, "localhost", "public name of the server; localhost means local mode"
    )
    port: int = setting(integer(1, 65535), 2583, "port to listen on")
    bind_address: str = setting(
        bind_address,
        lambda values: "127.0.0.1" if is_local(values) else "*",
        "address to listen on; * is all of them, IPv4 and IPv6",
        shown="127.0.0.1 for localhost, else *",
    )
    service_did: str = setting(
        did,
        lambda values: f"did:web:{values['hostname']}",
        "the server's own DID: audience of all tokens",
        shown="`did:web:<hostname>`",
    )
    version: str = setting(text, __version__, "version shown by _health", shown="Hearth's own")
    contact_email_address: str | None = setting(email, None, "contact in describeServer")
    dev_mode: bool = setting(
        boolean, False, "for developers: also allows requests to private addresses"
    )
    threads: int = setting(integer(1, 512), 16, "requests handled at the same time")
    share_processor: bool = setting(
        boolean, True, "keep the interpreter's threads on one processor (faster)"
    )
    trusted_proxies: tuple[Network, ...] = setting(
        many(network),
        lambda _values: many(network)(OWN_NETWORKS),
        "ranges whose X-Forwarded-For is believed",
        shown="loopback, link-local and private ranges",
    )

    # --- data -------------------------------------------------------------------------------
    data_directory: Path = setting(  # noqa: RUF009 # makes a field, as dataclasses.field does
        path, lambda _values: path("data"), "where everything is kept", shown="./data"
    )
    blobstore_disk_location: Path = setting(  # noqa: RUF009 # likewise
        path,
        lambda values: values["data_directory"] / "blobs",
        "where pictures and videos are kept",
        shown="`<data>/blobs`",
    )
    sqlite_disable_wal_auto_checkpoint: bool = setting(
        boolean, False, "leave checkpoints to an external replicator", effect="later"
    )
    blob_upload_limit: int = setting(integer(1), 5_242_880, "largest blob, in bytes")
    accepting_repo_imports: bool = setting(boolean, True, "whether importRepo is offered")
    max_repo_import_size: int = setting(
        integer(1), 268_435_456, "largest repo that importRepo takes, in bytes"
    )

    # --- identity ---------------------------------------------------------------------------
    did_plc_url: str | None = setting(
        url,
        lambda values: None if is_local(values) else "https://plc.directory",
        "did:plc directory; setting it replaces the built-in one",
        shown=LOCAL_DIRECTORY_URL,
    )
    did_cache_stale_ttl: int = setting(
        integer(0), 3_600_000, "age at which a DID document is fetched anew, in ms"
    )
    did_cache_max_ttl: int = setting(
        integer(0), 86_400_000, "age at which a DID document is no longer used, in ms"
    )
    id_resolver_timeout: int = setting(integer(1), 3_000, "wait for DNS and DID servers, in ms")
    recovery_did_key: str | None = setting(
        did_key, None, "rotation key put first into the DIDs of new accounts"
    )
    service_handle_domains: tuple[str, ...] = setting(
        many(handle_domain),
        lambda values: (".test",) if is_local(values) else (f".{values['hostname']}",),
        "domains under which users may choose a handle",
        shown="`.<hostname>`, or `.test` for localhost",
    )
    handle_backup_nameservers: tuple[str, ...] = setting(
        many(text), (), "name servers asked when the usual ones do not know a handle"
    )
    enable_did_doc_with_session: bool = setting(
        boolean, False, "put the DID document into session replies"
    )
    disable_ssrf_protection: bool = setting(
        boolean,
        lambda values: values["dev_mode"],
        "allow requests to private addresses",
        shown="PDS_DEV_MODE",
    )

    # --- invites ----------------------------------------------------------------------------
    invite_required: bool = setting(
        boolean,
        lambda values: not is_local(values),
        "new accounts need an invite code",
        shown="true, but false for localhost",
    )

    # --- secrets ----------------------------------------------------------------------------
    jwt_secret: str = setting(text, REQUIRED, "signs session tokens", secret=True)
    admin_password: str = setting(text, REQUIRED, "password of the admin methods", secret=True)
    plc_rotation_key_k256_private_key_hex: str = setting(
        k256_private_key_hex,
        REQUIRED,
        "rotates the keys of did:plc accounts, encrypts signing keys",
        secret=True,
    )

    # --- log --------------------------------------------------------------------------------
    log_level: str = setting(
        log_level, "info", "least level logged: debug, info, warn, error or fatal"
    )

    warnings: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether this server is only reachable from its own machine."""
        return self.hostname == "localhost"

    @property
    def public_url(self) -> str:
        """The address clients use, without a trailing slash."""
        return f"http://localhost:{self.port}" if self.is_local else f"https://{self.hostname}"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Config:
        """Read and check the settings in ``environ``; an empty value counts as unset.

        Raises:
            ConfigError: with one line for every setting that is wrong or missing.
        """
        given = {name: raw.strip() for name, raw in environ.items() if raw.strip()}
        values: Values = {}  # by field
        problems = []
        for row in SETTINGS:
            try:
                values[_field(row.name)] = _read(row, given, values)
            except ValueError as error:
                problems.append(str(error))
        problems += _conflicts(given) + _unsafe(values)
        if problems:
            raise ConfigError(problems)
        fields = {_field(row.name): values[_field(row.name)] for row in TABLE}
        return cls(**fields, warnings=tuple(_warnings(given)))

    def __repr__(self) -> str:
        """The settings with the secrets masked, fit for a log."""
        shown = (
            f"{_field(row.name)}={'***' if row.secret else repr(getattr(self, _field(row.name)))}"
            for row in TABLE
        )
        return f"Config({', '.join(shown)})"


def _env_name(field: str) -> str:
    return field.upper() if field.startswith("log_") else f"PDS_{field.upper()}"


def _field(name: str) -> str:
    return name.removeprefix("PDS_").lower()


def _shown_default(row: Mapping[str, Any]) -> str:
    if row["shown"]:
        return str(row["shown"])
    if row["default"] is REQUIRED:
        return "required; made by itself for localhost"
    if row["default"] in (None, ()):
        return "none"
    return str(row["default"]).lower() if isinstance(row["default"], bool) else str(row["default"])


TABLE = tuple(
    Setting(
        _env_name(field.name),
        field.metadata["read"],
        field.metadata["default"],
        field.metadata["help"],
        _shown_default(field.metadata),
        field.metadata["secret"],
        field.metadata["effect"],
    )
    # Its own first: the defaults of the others may rest on the hostname.
    for field in sorted(
        dataclasses.fields(Config), key=lambda field: field.name not in Config.__annotations__
    )
    if field.metadata
)
SETTINGS: tuple[Setting, ...] = (*TABLE, *LATER_SETTINGS)

OUTSIDE = frozenset({"PDS_ENV_FILE"})  # read before there is a Config

_BUCKET = "PDS_BLOBSTORE_S3_BUCKET"

HOW_TO_MAKE = {
    "PDS_JWT_SECRET": "openssl rand -hex 32",
    "PDS_ADMIN_PASSWORD": "openssl rand -hex 16",
    "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": "openssl rand -hex 32",
}


def _read(row: Setting, given: Mapping[str, str], so_far: Values) -> Any:
    raw = given.get(row.name)
    if raw is None:
        return _default(row, so_far)
    if row.effect == "refused":
        message = f"{row.name}: not supported, {row.help}; remove it"
        raise ValueError(message)
    try:
        value = row.read(raw)
    except ValueError as error:
        shown = "its value" if row.secret or len(raw) > LONGEST_SHOWN else f'"{raw}"'
        message = f"{row.name}: {shown} {error}"
        raise ValueError(message) from None
    return _default(row, so_far) if value == () else value  # a list of nothing counts as unset


def _default(row: Setting, so_far: Values) -> Any:
    if row.default is REQUIRED:
        message = f"{row.name}: missing; make one with: {HOW_TO_MAKE[row.name]}"
        raise ValueError(message)
    if not callable(row.default):
        return row.default
    compute: Callable[[Values], Any] = row.default
    try:
        return compute(so_far)
    except KeyError:
        return None  # it rests on a setting that is wrong, which is already a problem


def _conflicts(given: Mapping[str, str]) -> list[str]:
    problems = [
        f"{one}: only of use together with {other}; set both or none"
        for pair in BOTH_OR_NONE
        for one, other in (pair, pair[::-1])
        if one in given and other not in given
    ]
    problems += [
        f"{one}: needs {other} beside it; set it to the DID of that service"
        for one, other in NEEDS
        if one in given and other not in given
    ]
    problems += [
        f"{one}: pictures and videos are in one place only; remove this or {other}"
        for one, other in ONE_ALONE
        if one in given and other in given
    ]
    if _BUCKET not in given:
        problems += [
            f"{name}: only of use together with {_BUCKET}; set that too, or remove this"
            for name in sorted(given)
            if name.startswith("PDS_BLOBSTORE_S3_")
        ]
    return problems


def _unsafe(values: Values) -> list[str]:
    """What may be set on a developer's machine only; silent about values that are wrong anyway."""
    if not values.get("oauth_test_clients") or values.get("dev_mode"):
        return []
    if values.get("hostname", "localhost") == "localhost":
        return []
    return [
        "PDS_OAUTH_TEST_CLIENTS: anybody could have this server ask its own machine; remove it, or"
        " set PDS_DEV_MODE too on a server for trying"
    ]


def _warnings(given: Mapping[str, str]) -> list[str]:
    """What the operator should know although the server can start."""
    known = {row.name: row for row in SETTINGS}
    warnings = []
    for name in sorted(given):
        effect = known[name].effect if name in known else None
        if effect is None and name.startswith("PDS_") and name not in OUTSIDE:
            warnings.append(f"{name}: no such setting; check its spelling")
        elif effect == "later":
            warnings.append(f"{name}: has no effect in this version")
        elif effect == "none":
            warnings.append(f"{name}: has no effect, {known[name].help}")
    warnings += [
        f'PDS_OAUTH_TRUSTED_CLIENTS: "{client_id}" has no effect; the ids of apps that can be'
        " trusted are addresses of documents, like https://app.example/client.json"
        for client_id in many(text)(given.get("PDS_OAUTH_TRUSTED_CLIENTS", ""))
        if client_id.startswith("http://localhost") or "://" not in client_id
    ]
    if len(given.get("PDS_JWT_SECRET", "").encode()) < JWT_SECRET_MINIMUM:
        warnings.append(
            f"PDS_JWT_SECRET: shorter than {JWT_SECRET_MINIMUM} characters, so tokens are easier to"
            f" forge; make one with: {HOW_TO_MAKE['PDS_JWT_SECRET']}"
        )
    return warnings
