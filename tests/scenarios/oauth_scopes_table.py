"""Which scopes let an app call what: the table, to be read in review.

The server has an app view, a moderation service, and a stranger that is known by its DID document
alone. Every app has ``atproto`` beside the scopes of its column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

POST: Final = "app.bsky.feed.post"

# Column by column. ``{app_view}`` is the app view as scopes name services, percent-encoded.
COLUMNS: Final = {
    "none": "",  # no more than atproto
    "gen": "transition:generic",
    "gen+c": "transition:generic transition:chat.bsky",
    "gen+m": "transition:generic transition:email",
    "repo": "repo:*",
    "post": "repo:app.bsky.feed.post?action=create",
    "tl@av": "rpc:app.bsky.feed.getTimeline?aud={app_view}",
    "tl@*": "rpc:app.bsky.feed.getTimeline?aud=*",
    "*@av": "rpc:*?aud={app_view}",
    "blob": "blob:image/*",
    "email": "account:email",
    "mail!": "account:email?action=manage",
    "repo!": "account:repo?action=manage",
    "handl": "identity:handle",
    "ident": "identity:*",
}

# The marks of the table.
ALLOWED: Final = "+"  # the app was let in; the sample call may have failed for what it asks
MISSING: Final = "."  # 403 ScopeMissingError, naming the scope
NEVER: Final = "x"  # 403: not for apps, whatever their scopes
IGNORED: Final = "o"  # whoever calls, the header is not looked at
OTHERS: Final = "-"  # for admins, services or refresh tokens: a DPoP header is a wrong one

_ROWS = """
# none  gen   gen+c gen+m repo  post  tl@av tl@*  *@av  blob  email mail! repo! handl ident
app.bsky.actor.getPreferences
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
app.bsky.actor.getProfile
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
app.bsky.actor.getProfiles
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
app.bsky.actor.putPreferences
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
app.bsky.ageassurance.getState
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
app.bsky.feed.getActorLikes
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
app.bsky.feed.getAuthorFeed
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
app.bsky.feed.getFeed
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
app.bsky.feed.getPostThread
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
app.bsky.feed.getTimeline
  .     +     +     +     .     .     +     +     +     .     .     .     .     .     .
app.bsky.notification.registerPush
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
app.bsky.notification.unregisterPush
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
app.bsky.unspecced.getAgeAssuranceState
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
com.atproto.admin.deleteAccount
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.disableAccountInvites
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.disableInviteCodes
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.enableAccountInvites
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.getAccountInfo
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.getAccountInfos
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.getInviteCodes
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.getSubjectStatus
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.searchAccounts
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.sendEmail
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.updateAccountEmail
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.updateAccountHandle
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.updateAccountPassword
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.admin.updateSubjectStatus
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.identity.getRecommendedDidCredentials
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.identity.refreshIdentity
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.identity.requestPlcOperationSignature
  .     .     .     .     .     .     .     .     .     .     .     .     .     .     +
com.atproto.identity.resolveDid
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.identity.resolveHandle
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.identity.resolveIdentity
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.identity.signPlcOperation
  .     .     .     .     .     .     .     .     .     .     .     .     .     .     +
com.atproto.identity.submitPlcOperation
  .     .     .     .     .     .     .     .     .     .     .     .     .     .     +
com.atproto.identity.updateHandle
  .     .     .     .     .     .     .     .     .     .     .     .     .     +     +
com.atproto.moderation.createReport
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
com.atproto.repo.applyWrites
  .     +     +     +     +     +     .     .     .     .     .     .     .     .     .
com.atproto.repo.createRecord
  .     +     +     +     +     +     .     .     .     .     .     .     .     .     .
com.atproto.repo.deleteRecord
  .     +     +     +     +     .     .     .     .     .     .     .     .     .     .
com.atproto.repo.describeRepo
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.repo.getRecord
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.repo.importRepo
  .     .     .     .     .     .     .     .     .     .     .     .     +     .     .
com.atproto.repo.listMissingBlobs
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.repo.listRecords
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.repo.putRecord
  .     +     +     +     +     .     .     .     .     .     .     .     .     .     .
com.atproto.repo.uploadBlob
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
com.atproto.server.activateAccount
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
com.atproto.server.checkAccountStatus
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.server.confirmEmail
  .     .     .     .     .     .     .     .     .     .     .     +     .     .     .
com.atproto.server.createAccount
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.server.createAppPassword
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
com.atproto.server.createInviteCode
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.server.createInviteCodes
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.server.createSession
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.server.deactivateAccount
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
com.atproto.server.deleteAccount
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.server.deleteSession
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.server.describeServer
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.server.getAccountInviteCodes
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
com.atproto.server.getServiceAuth
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
com.atproto.server.getSession
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.server.listAppPasswords
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
com.atproto.server.refreshSession
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.server.requestAccountDelete
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
com.atproto.server.requestEmailConfirmation
  .     .     .     .     .     .     .     .     .     .     .     +     .     .     .
com.atproto.server.requestEmailUpdate
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
com.atproto.server.requestPasswordReset
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.server.reserveSigningKey
  -     -     -     -     -     -     -     -     -     -     -     -     -     -     -
com.atproto.server.resetPassword
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.server.revokeAppPassword
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
com.atproto.server.updateEmail
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
com.atproto.sync.getBlob
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.sync.getBlocks
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.sync.getCheckout
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.sync.getHead
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.sync.getLatestCommit
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.sync.getRecord
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.sync.getRepo
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.sync.getRepoStatus
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.sync.listBlobs
  +     +     +     +     +     +     +     +     +     +     +     +     +     +     +
com.atproto.sync.listRepos
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.temp.checkHandleAvailability
  o     o     o     o     o     o     o     o     o     o     o     o     o     o     o
com.atproto.temp.checkSignupQueue
  x     x     x     x     x     x     x     x     x     x     x     x     x     x     x
(create) com.atproto.repo.applyWrites
  .     +     +     +     +     +     .     .     .     .     .     .     .     .     .
(create two) com.atproto.repo.applyWrites
  .     +     +     +     +     .     .     .     .     .     .     .     .     .     .
(update) com.atproto.repo.applyWrites
  .     +     +     +     +     .     .     .     .     .     .     .     .     .     .
(delete) com.atproto.repo.applyWrites
  .     +     +     +     +     .     .     .     .     .     .     .     .     .     .
(another collection) com.atproto.repo.createRecord
  .     +     +     +     +     .     .     .     .     .     .     .     .     .     .
(picture) com.atproto.repo.uploadBlob
  .     +     +     +     .     .     .     .     .     +     .     .     .     .     .
(picture called text) com.atproto.repo.uploadBlob
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
(pdf called picture) com.atproto.repo.uploadBlob
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
(any method) com.atproto.server.getServiceAuth
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
(timeline) com.atproto.server.getServiceAuth
  .     +     +     +     .     .     +     +     +     .     .     .     .     .     .
(timeline, bare DID) com.atproto.server.getServiceAuth
  .     +     +     +     .     .     .     +     .     .     .     .     .     .     .
(chat) com.atproto.server.getServiceAuth
  .     .     +     .     .     .     .     .     .     .     .     .     .     .     .
(app view) app.bsky.feed.searchPosts
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
(app view) app.bsky.graph.getMutes
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
(app view) com.atproto.sync.getHostStatus
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
(app view) com.example.thing.getStuff
  .     +     +     +     .     .     .     .     +     .     .     .     .     .     .
(app view) chat.bsky.convo.listConvos
  .     .     +     .     .     .     .     .     +     .     .     .     .     .     .
(moderation) tools.ozone.team.listMembers
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
(stranger) app.bsky.feed.getTimeline
  .     +     +     +     .     .     .     +     .     .     .     .     .     .     .
(stranger) app.bsky.actor.getPreferences
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
(stranger) chat.bsky.convo.listConvos
  .     .     +     .     .     .     .     .     .     .     .     .     .     .     .
(stranger) CHAT.bsky.convo.listConvos
  .     .     +     .     .     .     .     .     .     .     .     .     .     .     .
(stranger) com.example.thing.getStuff
  .     +     +     +     .     .     .     .     .     .     .     .     .     .     .
"""


@dataclass(frozen=True)
class Other:
    """A further call. ``to`` is the id of the stranger's service, if it shall go there.

    The app's member is ``{did}``, the app view ``{app_view}``.
    """

    path: str
    to: str | None = None
    body: dict[str, Any] | bytes | None = None
    content_type: str = "application/json"


def _write(action: str, collection: str = POST) -> dict[str, Any]:
    found = {"$type": f"com.atproto.repo.applyWrites#{action}", "collection": collection}
    if action != "create":
        found["rkey"] = "3jzfcijpj2z2a"
    return found if action == "delete" else {**found, "value": {"$type": collection, **_NOTE}}


def _batch(*writes: dict[str, Any]) -> Other:
    return Other("com.atproto.repo.applyWrites", body={"repo": "{did}", "writes": list(writes)})


_NOTE: Final = {"text": "hello", "createdAt": "2026-01-01T00:00:00.000Z"}
_TOKEN: Final = "com.atproto.server.getServiceAuth"
_UPLOAD: Final = "com.atproto.repo.uploadBlob"
_PNG: Final = b"\x89PNG\r\n\x1a\n" + bytes(100)

# Calls that are passed on, and such of which one sample does not tell enough: what stands in the
# table, and what is sent.
OTHER_CALLS: Final = {
    "(create) com.atproto.repo.applyWrites": _batch(_write("create")),
    "(create two) com.atproto.repo.applyWrites": _batch(
        _write("create"), _write("create", "com.example.note")
    ),
    "(update) com.atproto.repo.applyWrites": _batch(_write("update")),
    "(delete) com.atproto.repo.applyWrites": _batch(_write("delete")),
    "(another collection) com.atproto.repo.createRecord": Other(
        "com.atproto.repo.createRecord",
        body={"repo": "{did}", "collection": "com.example.note", "record": _NOTE},
    ),
    "(picture) com.atproto.repo.uploadBlob": Other(
        _UPLOAD, body=_PNG, content_type="IMAGE/PNG; q=1"
    ),
    "(picture called text) com.atproto.repo.uploadBlob": Other(
        _UPLOAD, body=_PNG, content_type="text/plain"
    ),
    "(pdf called picture) com.atproto.repo.uploadBlob": Other(
        _UPLOAD, body=b"%PDF-1.7" + bytes(300), content_type="image/png"
    ),
    "(any method) com.atproto.server.getServiceAuth": Other(f"{_TOKEN}?aud={{app_view}}"),
    "(timeline) com.atproto.server.getServiceAuth": Other(
        f"{_TOKEN}?aud={{app_view}}&lxm=app.bsky.feed.getTimeline"
    ),
    "(timeline, bare DID) com.atproto.server.getServiceAuth": Other(
        f"{_TOKEN}?aud=did:web:api.test&lxm=app.bsky.feed.getTimeline"
    ),
    "(chat) com.atproto.server.getServiceAuth": Other(
        f"{_TOKEN}?aud=did:web:api.test&lxm=Chat.bsky.convo.getLog"
    ),
    "(app view) app.bsky.feed.searchPosts": Other("app.bsky.feed.searchPosts?q=x"),
    "(app view) app.bsky.graph.getMutes": Other("app.bsky.graph.getMutes"),
    "(app view) com.atproto.sync.getHostStatus": Other(
        "com.atproto.sync.getHostStatus?hostname=a.test"
    ),
    "(app view) com.example.thing.getStuff": Other("com.example.thing.getStuff"),
    "(app view) chat.bsky.convo.listConvos": Other("chat.bsky.convo.listConvos"),
    "(moderation) tools.ozone.team.listMembers": Other("tools.ozone.team.listMembers"),
    "(stranger) app.bsky.feed.getTimeline": Other("app.bsky.feed.getTimeline", "atproto_labeler"),
    "(stranger) app.bsky.actor.getPreferences": Other(
        "app.bsky.actor.getPreferences", "atproto_labeler"
    ),
    "(stranger) chat.bsky.convo.listConvos": Other("chat.bsky.convo.listConvos", "bsky_chat"),
    "(stranger) CHAT.bsky.convo.listConvos": Other("CHAT.bsky.convo.listConvos", "bsky_chat"),
    "(stranger) com.example.thing.getStuff": Other("com.example.thing.getStuff", "bsky_chat"),
}

_LINES = [line for line in _ROWS.splitlines() if line and not line.startswith("#")]

# A call on a line of its own, its marks on the next.
TABLE: Final = {
    call: dict(zip(COLUMNS, marks.split(), strict=True))
    for call, marks in zip(_LINES[::2], _LINES[1::2], strict=True)
}
