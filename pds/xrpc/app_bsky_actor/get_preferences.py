"""app.bsky.actor.getPreferences: private settings of the caller's account."""

from __future__ import annotations

from typing import Any

from pds.errors import AccountTakedownError, InvalidRequestError
from pds.services.session_scopes import Scope
from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.forwarding import forward
from pds.xrpc.lexicon_check import parse_query
from pds.xrpc.method import Auths, Call, query
from pds.xrpc.proxy_header import names_other_service

NSID = "app.bsky.actor.getPreferences"


@query(NSID, auth=Auths.USER_OR_MODERATOR, asks_others=True)
def get_preferences(call: Call) -> dict[str, Any] | UpstreamReply:
    is_moderator = call.caller.kind == "moderator"
    if names_other_service(call):
        return _ask_other(call, is_moderator=is_moderator)
    account = call.services.accounts.get_account(_named_did(call) if is_moderator else call.did)
    full_access = is_moderator or call.caller.scope == Scope.ACCESS
    return {"preferences": call.services.preferences.get(account, full_access=full_access)}


def _ask_other(call: Call, *, is_moderator: bool) -> UpstreamReply:
    if is_moderator:
        message = "The moderation service's requests are not passed on"
        raise InvalidRequestError(message)
    if call.services.accounts.get_account(call.did).is_taken_down:
        raise AccountTakedownError
    return forward(call, NSID)


def _named_did(call: Call) -> str:
    """Whose preferences a moderator wants: a parameter that the Lexicon does not mention."""
    dids = parse_query(call.query_string).get("did", [])
    if len(dids) != 1 or not dids[0].startswith("did:"):
        message = "The moderation service must name one account: did is required"
        raise InvalidRequestError(message)
    return dids[0]
