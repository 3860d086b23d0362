"""For each method a call that is well formed, so that only who makes it decides the answer.

``{did}``, ``{handle}`` and ``{email}`` stand for the account of whoever calls; what is named beside
them (codes, CIDs, other people) does not exist, so a call that is let in may still fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pds.atproto.cid import cid_for_cbor

NOBODY: Final = "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz"
POST: Final = "app.bsky.feed.post"
CID: Final = str(cid_for_cbor(b"\xa0"))
_RECORD: Final = {"$type": POST, "text": "hello", "createdAt": "2026-01-01T00:00:00.000Z"}
_REF: Final = {"$type": "com.atproto.admin.defs#repoRef", "did": "{did}"}


@dataclass(frozen=True)
class Sample:
    """Parameters of a query, or the body of a procedure: JSON, or bytes with their type."""

    params: dict[str, Any] | None = None
    body: dict[str, Any] | bytes | None = None
    content_type: str = "application/json"


def query(**params: Any) -> Sample:
    return Sample(params=params)


def body(**fields: Any) -> Sample:
    return Sample(body=fields)


def nothing() -> Sample:
    return Sample()


_PUSH: Final = body(serviceDid=NOBODY, token="t", platform="web", appId="app.test")

SAMPLES: Final[dict[str, Sample]] = {
    "app.bsky.actor.getPreferences": query(),
    "app.bsky.actor.getProfile": query(actor="{did}"),
    "app.bsky.actor.getProfiles": query(actors="{did}"),
    "app.bsky.actor.putPreferences": body(preferences=[]),
    "app.bsky.ageassurance.getState": query(countryCode="GB"),
    "app.bsky.feed.getActorLikes": query(actor="{did}"),
    "app.bsky.feed.getAuthorFeed": query(actor="{did}"),
    "app.bsky.feed.getFeed": query(feed=f"at://{NOBODY}/app.bsky.feed.generator/cats"),
    "app.bsky.feed.getPostThread": query(uri="at://{did}/app.bsky.feed.post/3jzfcijpj2z2a"),
    "app.bsky.feed.getTimeline": query(),
    "app.bsky.notification.registerPush": _PUSH,
    "app.bsky.notification.unregisterPush": _PUSH,
    "app.bsky.unspecced.getAgeAssuranceState": query(),
    "com.atproto.admin.deleteAccount": body(did="{did}"),
    "com.atproto.admin.disableAccountInvites": body(account="{did}"),
    "com.atproto.admin.disableInviteCodes": body(codes=["none"]),
    "com.atproto.admin.enableAccountInvites": body(account="{did}"),
    "com.atproto.admin.getAccountInfo": query(did="{did}"),
    "com.atproto.admin.getAccountInfos": query(dids="{did}"),
    "com.atproto.admin.getInviteCodes": query(),
    "com.atproto.admin.getSubjectStatus": query(did="{did}"),
    "com.atproto.admin.searchAccounts": query(email="{email}"),
    "com.atproto.admin.sendEmail": body(recipientDid="{did}", senderDid=NOBODY, content="Hello"),
    "com.atproto.admin.updateAccountEmail": body(account="{did}", email="new-{email}"),
    "com.atproto.admin.updateAccountHandle": body(did="{did}", handle="new-{handle}"),
    "com.atproto.admin.updateAccountPassword": body(did="{did}", password="another password"),
    "com.atproto.admin.updateSubjectStatus": body(subject=_REF, takedown={"applied": True}),
    "com.atproto.identity.getRecommendedDidCredentials": query(),
    "com.atproto.identity.refreshIdentity": body(identifier="{did}"),
    "com.atproto.identity.requestPlcOperationSignature": nothing(),
    "com.atproto.identity.resolveDid": query(did="{did}"),
    "com.atproto.identity.resolveHandle": query(handle="{handle}"),
    "com.atproto.identity.resolveIdentity": query(identifier="{did}"),
    "com.atproto.identity.signPlcOperation": body(token="AAAAA-AAAAA"),
    "com.atproto.identity.submitPlcOperation": body(operation={}),
    "com.atproto.identity.updateHandle": body(handle="new-{handle}"),
    "com.atproto.moderation.createReport": body(
        reasonType="com.atproto.moderation.defs#reasonSpam", subject=_REF
    ),
    "com.atproto.repo.applyWrites": body(repo="{did}", writes=[]),
    "com.atproto.repo.createRecord": body(repo="{did}", collection=POST, record=_RECORD),
    "com.atproto.repo.deleteRecord": body(repo="{did}", collection=POST, rkey="3jzfcijpj2z2a"),
    "com.atproto.repo.describeRepo": query(repo="{did}"),
    "com.atproto.repo.getRecord": query(repo="{did}", collection=POST, rkey="3jzfcijpj2z2a"),
    "com.atproto.repo.importRepo": Sample(body=b"x", content_type="application/vnd.ipld.car"),
    "com.atproto.repo.listMissingBlobs": query(),
    "com.atproto.repo.listRecords": query(repo="{did}", collection=POST),
    "com.atproto.repo.putRecord": body(
        repo="{did}", collection=POST, rkey="3jzfcijpj2z2a", record=_RECORD
    ),
    "com.atproto.repo.uploadBlob": Sample(body=b"hello", content_type="text/plain"),
    "com.atproto.server.activateAccount": nothing(),
    "com.atproto.server.checkAccountStatus": query(),
    "com.atproto.server.confirmEmail": body(email="{email}", token="AAAAA-AAAAA"),
    "com.atproto.server.createAccount": body(
        handle="new-{handle}", email="new-{email}", password="a new password"
    ),
    "com.atproto.server.createAppPassword": body(name="laptop"),
    "com.atproto.server.createInviteCode": body(useCount=1),
    "com.atproto.server.createInviteCodes": body(useCount=1, codeCount=1),
    "com.atproto.server.createSession": body(identifier="{handle}", password="{password}"),
    "com.atproto.server.deactivateAccount": body(),
    "com.atproto.server.deleteAccount": body(
        did="{did}", password="{password}", token="AAAAA-AAAAA"
    ),
    "com.atproto.server.deleteSession": nothing(),
    "com.atproto.server.describeServer": query(),
    "com.atproto.server.getAccountInviteCodes": query(),
    "com.atproto.server.getServiceAuth": query(
        aud="did:web:example.com", lxm="com.atproto.repo.uploadBlob"
    ),
    "com.atproto.server.getSession": query(),
    "com.atproto.server.listAppPasswords": query(),
    "com.atproto.server.refreshSession": nothing(),
    "com.atproto.server.requestAccountDelete": nothing(),
    "com.atproto.server.requestEmailConfirmation": nothing(),
    "com.atproto.server.requestEmailUpdate": nothing(),
    "com.atproto.server.requestPasswordReset": body(email="{email}"),
    "com.atproto.server.reserveSigningKey": body(did="{did}"),
    "com.atproto.server.resetPassword": body(token="AAAAA-AAAAA", password="another password"),
    "com.atproto.server.revokeAppPassword": body(name="none"),
    "com.atproto.server.updateEmail": body(email="new-{email}"),
    "com.atproto.sync.getBlob": query(did="{did}", cid=CID),
    "com.atproto.sync.getCheckout": query(did="{did}"),
    "com.atproto.sync.getHead": query(did="{did}"),
    "com.atproto.sync.getBlocks": query(did="{did}", cids=CID),
    "com.atproto.sync.getLatestCommit": query(did="{did}"),
    "com.atproto.sync.getRecord": query(did="{did}", collection=POST, rkey="3jzfcijpj2z2a"),
    "com.atproto.sync.getRepo": query(did="{did}"),
    "com.atproto.sync.getRepoStatus": query(did="{did}"),
    "com.atproto.sync.listBlobs": query(did="{did}"),
    "com.atproto.sync.listRepos": query(),
    "com.atproto.temp.checkHandleAvailability": query(handle="free.test"),
    "com.atproto.temp.checkSignupQueue": query(),
}


def fill(value: Any, names: dict[str, str]) -> Any:
    """``value`` with the placeholders replaced by what ``names`` says."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, dict):
        return {key: fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, names) for item in value]
    return value
