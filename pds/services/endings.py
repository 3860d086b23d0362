"""End whatever somebody may use an account by: its sessions, its browsers, what its apps may do.

That is what a new password is for: whoever had the old one, or was let in with it, is out. App
passwords stay, as programs have them from the member herself; their sessions end, too.
"""

from __future__ import annotations

from pds.services.browsers import Browsers
from pds.services.oauth.grants import Grants
from pds.services.sessions import Sessions


class Endings:
    """Ends everything at once."""

    def __init__(self, sessions: Sessions, browsers: Browsers, grants: Grants) -> None:
        self._sessions = sessions
        self._browsers = browsers
        self._grants = grants

    def end_everything(self, account_id: int, keep_browser_id: str | None = None) -> None:
        """End sessions, sign-ins in browsers, and grants with the approvals they were made from.

        The caller holds the transaction. keep_browser_id: the browser the member is using.
        """
        self._sessions.revoke_all(account_id)
        self._browsers.revoke_all(account_id, keep_browser_id)
        self._grants.end_all(account_id)
