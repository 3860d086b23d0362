"""com.atproto.server.describeServer: what this server is, before signing up or in."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.server.describeServer", auth=Auths.NONE)
def describe_server(call: Call) -> dict[str, Any]:
    config = call.services.config
    links = {
        "privacyPolicy": config.privacy_policy_url,
        "termsOfService": config.terms_of_service_url,
    }
    contact = {"email": config.contact_email_address}
    return {
        "did": config.service_did,
        "availableUserDomains": list(config.service_handle_domains),
        "inviteCodeRequired": config.invite_required,
        "blobUploadLimit": config.blob_upload_limit,
        "links": _present(links),
        "contact": _present(contact),
    }


def _present(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
