"""com.atproto.repo.importRepo: take over the repo of an account that moves here."""

from __future__ import annotations

from pds.errors import InvalidRequestError
from pds.xrpc.limits import IMPORT_REPO
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.repo.importRepo",
    auth=Auths.FULL_USER_NOT_TAKEN_DOWN,
    limits=IMPORT_REPO,
    body_limit_bytes=lambda services: services.config.max_repo_import_size,
)
def import_repo(call: Call) -> None:
    if not call.services.config.accepting_repo_imports:
        message = "Service is not accepting repo imports"
        raise InvalidRequestError(message)
    if call.body is None:
        message = "A request body is expected but none was provided"
        raise InvalidRequestError(message)
    account = call.services.accounts.get_account(call.did)
    call.services.repo_import.import_repo(account, call.body)
