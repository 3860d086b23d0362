"""How often a method may be called: every budget there is, by name.

All of a method's limits are spent together, beside the global budget per address. Figures without a
remark are those of the reference server, so that clients tuned to it behave; the others are wide
enough for any person, and narrow enough to make guessing and pestering pointless.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pds.xrpc.method import Limit

if TYPE_CHECKING:
    from pds.xrpc.method import Call

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S

# --- whatever is called --------------------------------------------------------------------------

GLOBAL_PER_ADDRESS = Limit("global-ip", 3_000, 5 * MINUTE_S)
# Ours: wrong admin passwords. Right ones cost nothing.
ADMIN_FAILURES = (Limit("admin-failures", 20, 15 * MINUTE_S),)
# Ours: opening the firehose, beside the number of subscribers there may be at a time.
SUBSCRIBE = (Limit("com.atproto.sync.subscribeRepos-0", 300, 5 * MINUTE_S),)

# --- OAuth clients -------------------------------------------------------------------------------

# Ours. A log-in takes two: the first is answered with a nonce. Each may have us fetch documents.
OAUTH_PAR = (Limit("oauth-par-0", 100, 5 * MINUTE_S),)

# --- signing up and in ---------------------------------------------------------------------------

CREATE_ACCOUNT = (Limit("com.atproto.server.createAccount-0", 100, 5 * MINUTE_S),)
CREATE_SESSION = (
    Limit("com.atproto.server.createSession-0", 300, DAY_S, key="login"),
    Limit("com.atproto.server.createSession-1", 30, 5 * MINUTE_S, key="login"),
    # Ours. The two above start anew for every name: this one stops trying one password on many.
    Limit("com.atproto.server.createSession-2", 300, 5 * MINUTE_S),
)
# Ours: the pages on which an app is allowed something, looked at and sent.
AUTHORIZE = (Limit("oauth-authorize", 600, 5 * MINUTE_S),)
# Ours: an app refreshes twice an hour, and a website does it for all its users from one address.
OAUTH_TOKEN = (Limit("oauth-token-0", 300, 5 * MINUTE_S),)
OAUTH_REVOKE = (Limit("oauth-revoke-0", 300, 5 * MINUTE_S),)
REFRESH_SESSION = (
    Limit("com.atproto.server.refreshSession-0", 300, 5 * MINUTE_S, key="did"),
)  # ours
# Ours: hashing costs a tenth of a second of a processor.
CREATE_APP_PASSWORD = (Limit("com.atproto.server.createAppPassword-0", 30, HOUR_S, key="did"),)
# Ours: all forms on the pages of one account together, beside the limits of the methods that do the
# same as some of them.
MEMBER_FORMS = (Limit("member-forms", 100, 5 * MINUTE_S, key="did"),)
EXPORT_DATA = (Limit("export-data", 20, HOUR_S, key="did"),)
RESERVE_SIGNING_KEY = (Limit("com.atproto.server.reserveSigningKey-0", 20, HOUR_S),)  # ours

# --- what sends mail, and what takes the code from it --------------------------------------------


def _mails(nsid: str) -> tuple[Limit, ...]:
    """For a method that sends its caller a code."""
    return (Limit(f"{nsid}-0", 5, HOUR_S, key="did"), Limit(f"{nsid}-1", 15, DAY_S, key="did"))


def _guesses(nsid: str) -> tuple[Limit, ...]:
    """Ours, for a method that takes its caller's code."""
    return (Limit(f"{nsid}-0", 30, HOUR_S, key="did"), Limit(f"{nsid}-1", 100, DAY_S, key="did"))


REQUEST_ACCOUNT_DELETE = _mails("com.atproto.server.requestAccountDelete")
REQUEST_EMAIL_CONFIRMATION = _mails("com.atproto.server.requestEmailConfirmation")
REQUEST_EMAIL_UPDATE = _mails("com.atproto.server.requestEmailUpdate")
REQUEST_PLC_OPERATION_SIGNATURE = _mails(
    "com.atproto.identity.requestPlcOperationSignature"
)  # ours
REQUEST_PASSWORD_RESET = (
    Limit("com.atproto.server.requestPasswordReset-0", 15, HOUR_S),
    Limit("com.atproto.server.requestPasswordReset-1", 50, DAY_S),
    # Ours: nobody's mailbox is filled from many addresses. None for the day: strangers would spend
    # it, and the owner could not ask before tomorrow.
    Limit("com.atproto.server.requestPasswordReset-2", 5, HOUR_S, key="email"),
)
CONFIRM_EMAIL = _guesses("com.atproto.server.confirmEmail")
UPDATE_EMAIL = _guesses("com.atproto.server.updateEmail")
SIGN_PLC_OPERATION = _guesses("com.atproto.identity.signPlcOperation")
RESET_PASSWORD = (Limit("com.atproto.server.resetPassword-0", 50, 5 * MINUTE_S),)
DELETE_ACCOUNT = (Limit("com.atproto.server.deleteAccount-0", 50, 5 * MINUTE_S),)

# --- identity ------------------------------------------------------------------------------------

UPDATE_HANDLE = (
    Limit("com.atproto.identity.updateHandle-0", 10, 5 * MINUTE_S, key="did"),
    Limit("com.atproto.identity.updateHandle-1", 50, DAY_S, key="did"),
)
# Ours from here on: each of these makes this server ask others.
SUBMIT_PLC_OPERATION = (Limit("com.atproto.identity.submitPlcOperation-0", 30, HOUR_S, key="did"),)
ACTIVATE_ACCOUNT = (Limit("com.atproto.server.activateAccount-0", 60, HOUR_S, key="did"),)
DEACTIVATE_ACCOUNT = (Limit("com.atproto.server.deactivateAccount-0", 60, HOUR_S, key="did"),)
# One budget: they do the same work.
RESOLVE_IDENTITY = (Limit("resolve-identity", 600, 5 * MINUTE_S),)
REFRESH_IDENTITY = (Limit("com.atproto.identity.refreshIdentity-0", 60, 5 * MINUTE_S),)
CHECK_HANDLE_AVAILABILITY = (
    Limit("com.atproto.temp.checkHandleAvailability-0", 300, 5 * MINUTE_S),
)

# --- repos and preferences -----------------------------------------------------------------------


def upload_cost(call: Call) -> int:
    """Nothing as long as records of the account wait for their pictures, as after a move."""
    account = call.services.accounts.find_account(call.did)
    return 0 if account is not None and call.services.blobs.is_any_missing(account) else 1


UPLOAD_BLOB = (
    Limit("com.atproto.repo.uploadBlob-0", 1_000, DAY_S, cost=upload_cost),
    # Ours. Tools for moving send the pictures of ten years in one go, and do not come back for
    # those that were refused.
    Limit("com.atproto.repo.uploadBlob-1", 50_000, DAY_S),
)
GET_REPO = (Limit("com.atproto.sync.getRepo-0", 6_000, 5 * MINUTE_S),)
IMPORT_REPO = (Limit("com.atproto.repo.importRepo-0", 60, HOUR_S, key="did"),)  # ours
PUT_PREFERENCES = (Limit("app.bsky.actor.putPreferences-0", 300, 5 * MINUTE_S, key="did"),)  # ours

# Ours: each of these makes this server ask others.
CREATE_REPORT = (Limit("com.atproto.moderation.createReport-0", 100, HOUR_S, key="did"),)
REGISTER_PUSH = (Limit("register-push", 100, HOUR_S, key="did"),)

REPO_WRITES_HOUR_POINTS = 5_000
REPO_WRITES_DAY_POINTS = 35_000
CREATE_POINTS = 3
UPDATE_POINTS = 2
DELETE_POINTS = 1


def repo_write_limits(cost: Callable[[Call], int]) -> tuple[Limit, Limit]:
    """The budget that every method changing records shares, per account; ``cost`` is in points.

    A create is 3 points, an update 2, a delete 1.
    Spec: https://docs.bsky.app/docs/advanced-guides/rate-limits#content-write-operations-per-account
    """
    return (
        Limit("repo-write-hour", REPO_WRITES_HOUR_POINTS, HOUR_S, key="did", cost=cost),
        Limit("repo-write-day", REPO_WRITES_DAY_POINTS, DAY_S, key="did", cost=cost),
    )


def create_cost(call: Call) -> int:
    """The points of one created record."""
    del call
    return CREATE_POINTS


def update_cost(call: Call) -> int:
    """The points of one replaced record."""
    del call
    return UPDATE_POINTS


def delete_cost(call: Call) -> int:
    """The points of one deleted record."""
    del call
    return DELETE_POINTS
