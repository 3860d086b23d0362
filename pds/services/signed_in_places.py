"""Where a member is signed in: browsers on our own pages, and programs with a password.

What OAuth apps were allowed is another list (``oauth.grants``): they know no password, and are
ended one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pds.services.browsers import Browsers
from pds.services.program_names import program_name
from pds.services.sessions import Sessions
from pds.storage import sessions
from pds.storage.database import transaction

Kind = Literal["browser", "session"]

BROWSER: Final = "browser"
SESSION: Final = "session"


@dataclass(frozen=True, slots=True)
class Place:
    """One place. Times are Unix microseconds.

    program: as people call it; it is the program's own word.
    app_password: the name of the app password that the program was given, if it was.
    is_here: the browser that asks.
    """

    kind: Kind
    id: str
    program: str
    ip: str | None
    used_at_us: int
    app_password: str | None = None
    is_here: bool = False


class SignedInPlaces:
    """Lists them and ends them."""

    def __init__(self, browsers: Browsers, sessions_: Sessions) -> None:
        self._browsers = browsers
        self._sessions = sessions_

    def list_all(self, account_id: int, here: str) -> list[Place]:
        """All there are, this one first, then the last used. here: the id of the browser."""
        found = [
            Place(
                BROWSER,
                known.id,
                program_name(known.user_agent),
                known.ip,
                known.seen_at_us,
                is_here=known.id == here,
            )
            for known in self._browsers.list_for_account(account_id)
        ]
        found += [
            Place(
                SESSION,
                session.id,
                program_name(session.user_agent),
                session.ip,
                session.used_at_us,
                session.app_password_name,
            )
            for session in self._sessions.list_sessions(account_id)
        ]
        return sorted(found, key=lambda place: (not place.is_here, -place.used_at_us))

    def end(self, account_id: int, kind: str, place_id: str) -> bool:
        """Sign an account out in one place; False when it is not (any more) signed in there."""
        if kind == BROWSER:
            return self._browsers.end(account_id, place_id)
        with transaction():
            session = sessions.find(place_id)
            if session is None or session.account_id != account_id:
                return False
            sessions.delete(place_id)
        return True

    def end_others(self, account_id: int, here: str) -> None:
        """Sign an account out everywhere but in the browser ``here``."""
        with transaction():
            self._browsers.revoke_all(account_id, here)
            self._sessions.revoke_all(account_id)
