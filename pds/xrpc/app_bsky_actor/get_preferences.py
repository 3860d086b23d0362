"""app.bsky.actor.getPreferences: private settings of the caller's account."""

from __future__ import annotations

from typing import Any

from pds.errors import InvalidRequestError
from pds.services.session_scopes import Scope
from pds.xrpc.lexicon_check import parse_query
from pds.xrpc.method import Auths, Call, query
from pds.xrpc.proxy_header import refuse_other_service


@query("app.bsky.actor.getPreferences", auth=Auths.USER_OR_MODERATOR)
def get_preferences(call: Call) -> dict[str, Any]:
    refuse_other_service(call)
    is_moderator = call.caller.kind == "moderator"
    account = call.services.accounts.get_account(_named_did(call) if is_moderator else call.did)
    full_access = is_moderator or call.caller.scope == Scope.ACCESS
    return {"preferences": call.services.preferences.get(account, full_access=full_access)}


def _named_did(call: Call) -> str:
    """Whose preferences a moderator wants: a parameter that the Lexicon does not mention."""
    dids = parse_query(call.query_string).get("did", [])
    if len(dids) != 1 or not dids[0].startswith("did:"):
        message = "The moderation service must name one account: did is required"
        raise InvalidRequestError(message)
    return dids[0]
