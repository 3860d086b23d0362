"""Whether settings and data directory belong together.

With another rotation key the signing keys cannot be read; under another address new accounts would
point to a server that is not there. Both are easily had by starting, or asking, with the wrong
settings, and cost dearly when they are noticed late.
"""

from __future__ import annotations

from pds.config import Config, ConfigError
from pds.services.keys import SigningKeys
from pds.storage import server_state, signing_keys
from pds.storage.database import transaction

_ADDRESS = "public_url"
_PORT = "port"


def check_rotation_key(keys: SigningKeys) -> None:
    """Raises ConfigError when the stored signing keys were made under another rotation key."""
    account_id = signing_keys.any_account()
    if account_id is None:
        return
    try:
        keys.get(account_id)
    except RuntimeError as error:
        raise ConfigError([f"{error}; set it to the one this server had"]) from error


def remember_address(config: Config) -> None:
    """Let ``known_port`` and ``check_address`` know where the server that starts now is reached."""
    with transaction():
        server_state.save_value(_ADDRESS, config.public_url)
        server_state.save_value(_PORT, str(config.port))


def known_port() -> int | None:
    """The port on which the server was last started; None before its first start."""
    port = server_state.find_value(_PORT)
    return int(port) if port else None


def check_address(config: Config) -> None:
    """Raises ConfigError when the server was last started under another address."""
    known = server_state.find_value(_ADDRESS)
    if known not in (None, config.public_url):
        problem = (
            f"the server on {config.data_directory} is {known}, these settings are for"
            f" {config.public_url}; name the server's own with --env-file, or restart it if they"
            " are to change"
        )
        raise ConfigError([problem])
