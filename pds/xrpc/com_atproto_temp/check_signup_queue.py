"""com.atproto.temp.checkSignupQueue: there is no queue here, whoever has an account is in."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.temp.checkSignupQueue", auth=Auths.USER)
def check_signup_queue(call: Call) -> dict[str, Any]:
    del call
    return {"activated": True}
