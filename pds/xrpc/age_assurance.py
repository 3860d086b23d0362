"""Whether this server's operator vouches for the caller's age, or the app view is asked."""

from __future__ import annotations

from pds.xrpc.method import Call
from pds.xrpc.proxy_header import names_other_service


def is_vouched_for(call: Call) -> bool:
    """Never for members who have told their app that they are not of age."""
    services = call.services
    if services.config.age_assurance != "assured" or names_other_service(call):
        return False
    return not services.preferences.is_declared_minor(services.accounts.get_account(call.did))
