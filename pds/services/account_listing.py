"""The accounts as their operator looks them up: by any name, or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pds.storage import account_listing, accounts
from pds.storage.accounts import AccountRow

PAGE = 500


def find_named(name: str, domains: Sequence[str]) -> AccountRow | None:
    """The account with this DID, handle or e-mail address, in any status.

    A handle without a dot is one below the first of ``domains``.
    """
    text = name.strip()
    if text.startswith("did:"):
        return accounts.find_by_did(text)
    if "@" in text.removeprefix("@"):
        return accounts.find_by_email(text)
    return accounts.find_by_handle(complete_handle(text, domains))


def complete_handle(name: str, domains: Sequence[str]) -> str:
    """``name``, below the first of ``domains`` when it has no dot."""
    handle = name.strip().removeprefix("@").lower()
    return handle if "." in handle else f"{handle}{domains[0]}"


def each_account(text: str = "", *, only_inactive: bool = False) -> Iterator[AccountRow]:
    """Every account with ``text`` in its DID, handle or e-mail address, oldest first."""
    after_id = 0
    while True:
        page = account_listing.list_page(text.lower(), after_id, PAGE, only_inactive=only_inactive)
        yield from page
        if len(page) < PAGE:
            return
        after_id = page[-1].id
