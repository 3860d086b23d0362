"""Budgets: the reference's figures, shared where they must be."""

from __future__ import annotations

from typing import Any, cast

from pds.xrpc import limits
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Call, Limit, Method

CALL = cast("Call", None)


def figures(budgets: tuple[Limit, ...]) -> list[tuple[Any, ...]]:
    return [(limit.points, limit.window_s, limit.key) for limit in budgets]


def test_every_method_that_changes_records_spends_one_budget() -> None:
    costs = [limits.create_cost, limits.update_cost, limits.delete_cost]
    budgets = [limits.repo_write_limits(cost) for cost in costs]

    assert {tuple(limit.name for limit in pair) for pair in budgets} == {
        ("repo-write-hour", "repo-write-day")
    }
    assert figures(budgets[0]) == [(5_000, 3_600, "did"), (35_000, 86_400, "did")]
    spent = [[limit.cost(CALL) for limit in pair if limit.cost] for pair in budgets]
    assert spent == [[3, 3], [2, 2], [1, 1]]


def test_guessing_passwords_is_limited_by_name_and_address_and_by_address() -> None:
    assert figures(limits.CREATE_SESSION) == [
        (300, 86_400, "login"),
        (30, 300, "login"),
        (300, 300, "ip"),
    ]


# What each method costs beside the address's own budget. Every procedure is in one of the two.
REVIEWED = {
    "app.bsky.actor.putPreferences": limits.PUT_PREFERENCES,
    "app.bsky.notification.registerPush": limits.REGISTER_PUSH,
    "app.bsky.notification.unregisterPush": limits.REGISTER_PUSH,
    "com.atproto.identity.refreshIdentity": limits.REFRESH_IDENTITY,
    "com.atproto.identity.requestPlcOperationSignature": limits.REQUEST_PLC_OPERATION_SIGNATURE,
    "com.atproto.identity.resolveDid": limits.RESOLVE_IDENTITY,
    "com.atproto.identity.resolveIdentity": limits.RESOLVE_IDENTITY,
    "com.atproto.identity.signPlcOperation": limits.SIGN_PLC_OPERATION,
    "com.atproto.identity.submitPlcOperation": limits.SUBMIT_PLC_OPERATION,
    "com.atproto.identity.updateHandle": limits.UPDATE_HANDLE,
    "com.atproto.moderation.createReport": limits.CREATE_REPORT,
    "com.atproto.repo.importRepo": limits.IMPORT_REPO,
    "com.atproto.repo.uploadBlob": limits.UPLOAD_BLOB,
    "com.atproto.server.activateAccount": limits.ACTIVATE_ACCOUNT,
    "com.atproto.server.confirmEmail": limits.CONFIRM_EMAIL,
    "com.atproto.server.createAccount": limits.CREATE_ACCOUNT,
    "com.atproto.server.createAppPassword": limits.CREATE_APP_PASSWORD,
    "com.atproto.server.createSession": limits.CREATE_SESSION,
    "com.atproto.server.deactivateAccount": limits.DEACTIVATE_ACCOUNT,
    "com.atproto.server.deleteAccount": limits.DELETE_ACCOUNT,
    "com.atproto.server.refreshSession": limits.REFRESH_SESSION,
    "com.atproto.server.requestAccountDelete": limits.REQUEST_ACCOUNT_DELETE,
    "com.atproto.server.requestEmailConfirmation": limits.REQUEST_EMAIL_CONFIRMATION,
    "com.atproto.server.requestEmailUpdate": limits.REQUEST_EMAIL_UPDATE,
    "com.atproto.server.requestPasswordReset": limits.REQUEST_PASSWORD_RESET,
    "com.atproto.server.reserveSigningKey": limits.RESERVE_SIGNING_KEY,
    "com.atproto.server.resetPassword": limits.RESET_PASSWORD,
    "com.atproto.server.updateEmail": limits.UPDATE_EMAIL,
    "com.atproto.sync.getCheckout": limits.GET_REPO,
    "com.atproto.sync.getRepo": limits.GET_REPO,
    "com.atproto.sync.subscribeRepos": limits.SUBSCRIBE,
    "com.atproto.temp.checkHandleAvailability": limits.CHECK_HANDLE_AVAILABILITY,
}
REPO_WRITES = {
    f"com.atproto.repo.{name}"
    for name in ("applyWrites", "createRecord", "deleteRecord", "putRecord")
}
ENOUGH_BY_ADDRESS = {"com.atproto.server.deleteSession", "com.atproto.server.revokeAppPassword"}
METHODS = {
    nsid: method
    for nsid, method in load_methods().items()
    if method.handler.__module__.startswith("pds.")  # tests declare some of their own
}


def needs_review(method: Method) -> bool:
    """The admin has the password of everything; whoever lacks it has few tries."""
    return method.kind != "query" and method.auth.kind not in ("admin", "moderator")


def test_methods_have_the_reviewed_limits() -> None:
    limited = {nsid: method.limits for nsid, method in METHODS.items() if method.limits}
    writes = {nsid: limited.pop(nsid) for nsid in REPO_WRITES}

    assert limited == REVIEWED
    assert {tuple(limit.name for limit in pair) for pair in writes.values()} == {
        ("repo-write-hour", "repo-write-day")
    }


def test_whoever_changes_something_is_limited() -> None:
    free = {nsid for nsid, method in METHODS.items() if needs_review(method) and not method.limits}

    assert free == ENOUGH_BY_ADDRESS


def test_only_exports_are_not_counted_by_address() -> None:
    not_counted = {nsid for nsid, method in METHODS.items() if not method.counts_globally}

    assert not_counted == {"com.atproto.sync.getRepo"}


def test_no_two_budgets_of_different_size_share_a_name() -> None:
    known: dict[str, tuple[int, int, str]] = {}
    for method in METHODS.values():
        for limit in method.limits:
            size = (limit.points, limit.window_s, limit.key)
            assert known.setdefault(limit.name, size) == size
    assert known
