"""Who may call what, and the answer to those who may not: the table, to be read in review.

The server that is asked knows no app view, so what is passed on fails with "request".

Callers: nobody; an access, a refresh token; an app password, a privileged one; the owner of an
account that is deactivated, and of one that is taken down; the admin; a service token of an account
here for this very method; the same made for another server; an app with ``transition:generic``
(what others permit: ``oauth_scopes_table.py``).
"""

from __future__ import annotations

from typing import Final

# The words of the table. The first group is about who calls; after one of the second the caller
# was let in, and the sample call failed for what it asks.
ANSWERS: Final = {
    "missing": "401 AuthMissing",
    "token": "400 InvalidToken",
    "login": "401 AuthenticationRequired",
    "jwt": "401 BadJwtType",
    "issuer": "401 UntrustedIss",
    "audience": "401 BadJwtAudience",
    "inactive": "401 AccountDeactivated",
    "takedown": "401 AccountTakedown",
    "scope": "403 ScopeMissingError",
    "never": "403 Forbidden",
    "code": "400 InvalidToken code",  # the one-time code is wrong
    "request": "400 InvalidRequest",
    "record": "400 RecordNotFound",
    "blob": "400 BlobNotFound",
    "block": "400 BlockNotFound",
    "norepo": "400 RepoDeactivated",
    "downrepo": "400 RepoTakendown",
    "nohandle": "400 HandleNotFound",
    "exists": "400 AlreadyExists",
}

_ROWS = """
# nobody   access   refresh  app pw   priv.    deact.   down     admin    service  foreign  app
app.bsky.actor.getPreferences
  missing  ok       token    ok       ok       ok       ok       token    issuer   audience ok
app.bsky.actor.getProfile
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.actor.getProfiles
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.actor.putPreferences
  missing  ok       token    ok       ok       ok       token    token    token    token    ok
app.bsky.ageassurance.getState
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.feed.getActorLikes
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.feed.getAuthorFeed
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.feed.getFeed
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.feed.getPostThread
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.feed.getTimeline
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.notification.registerPush
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.notification.unregisterPush
  missing  request  token    request  request  request  token    token    token    token    request
app.bsky.unspecced.getAgeAssuranceState
  missing  request  token    request  request  request  token    token    token    token    request
com.atproto.admin.deleteAccount
  login    login    login    login    login    login    login    ok       login    login    login
com.atproto.admin.disableAccountInvites
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.admin.disableInviteCodes
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.admin.enableAccountInvites
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.admin.getAccountInfo
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.admin.getAccountInfos
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.admin.getInviteCodes
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.admin.getSubjectStatus
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.admin.searchAccounts
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.admin.sendEmail
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.admin.updateAccountEmail
  login    login    login    login    login    login    login    ok       login    login    login
com.atproto.admin.updateAccountHandle
  login    login    login    login    login    login    login    ok       login    login    login
com.atproto.admin.updateAccountPassword
  login    login    login    login    login    login    login    ok       login    login    login
com.atproto.admin.updateSubjectStatus
  login    jwt      jwt      jwt      jwt      jwt      jwt      ok       issuer   audience login
com.atproto.identity.getRecommendedDidCredentials
  missing  ok       token    ok       ok       ok       token    token    token    token    ok
com.atproto.identity.refreshIdentity
  missing  ok       token    ok       ok       ok       token    token    token    token    ok
com.atproto.identity.requestPlcOperationSignature
  missing  ok       token    token    token    ok       ok       token    token    token    scope
com.atproto.identity.resolveDid
  ok       ok       ok       ok       ok       ok       ok       ok       ok       ok       ok
com.atproto.identity.resolveHandle
  ok       ok       ok       ok       ok       nohandle nohandle ok       ok       ok       ok
com.atproto.identity.resolveIdentity
  ok       ok       ok       ok       ok       ok       ok       ok       ok       ok       ok
com.atproto.identity.signPlcOperation
  missing  code     token    token    token    code     code     token    token    token    scope
com.atproto.identity.submitPlcOperation
  missing  request  token    token    token    request  token    token    token    token    scope
com.atproto.identity.updateHandle
  missing  ok       token    token    token    ok       token    token    token    token    scope
com.atproto.moderation.createReport
  missing  request  token    request  request  request  request  token    token    token    request
com.atproto.repo.applyWrites
  missing  ok       token    ok       ok       inactive token    token    token    token    ok
com.atproto.repo.createRecord
  missing  ok       token    ok       ok       inactive token    token    token    token    ok
com.atproto.repo.deleteRecord
  missing  ok       token    ok       ok       inactive token    token    token    token    ok
com.atproto.repo.describeRepo
  ok       ok       ok       ok       ok       norepo   downrepo ok       ok       ok       ok
com.atproto.repo.getRecord
  record   record   record   record   record   request  request  record   record   record   record
com.atproto.repo.importRepo
  missing  request  token    token    token    request  token    token    token    token    scope
com.atproto.repo.listMissingBlobs
  missing  ok       token    ok       ok       ok       token    token    token    token    ok
com.atproto.repo.listRecords
  ok       ok       ok       ok       ok       request  request  ok       ok       ok       ok
com.atproto.repo.putRecord
  missing  ok       token    ok       ok       inactive token    token    token    token    ok
com.atproto.repo.uploadBlob
  missing  ok       token    ok       ok       ok       token    token    ok       audience ok
com.atproto.server.activateAccount
  missing  ok       token    token    token    ok       token    token    token    token    never
com.atproto.server.checkAccountStatus
  missing  ok       token    ok       ok       ok       token    token    token    token    ok
com.atproto.server.confirmEmail
  missing  code     token    code     code     code     token    token    token    token    scope
com.atproto.server.createAccount
  ok       jwt      jwt      jwt      jwt      jwt      jwt      login    ok       audience login
com.atproto.server.createAppPassword
  missing  ok       token    token    token    ok       token    token    token    token    never
com.atproto.server.createInviteCode
  login    login    login    login    login    login    login    ok       login    login    login
com.atproto.server.createInviteCodes
  login    login    login    login    login    login    login    ok       login    login    login
com.atproto.server.createSession
  ok       ok       ok       ok       ok       ok       takedown ok       ok       ok       ok
com.atproto.server.deactivateAccount
  missing  ok       token    token    token    ok       ok       token    token    token    scope
com.atproto.server.deleteAccount
  code     code     code     code     code     code     code     code     code     code     code
com.atproto.server.deleteSession
  missing  token    ok       token    token    token    token    token    token    token    token
com.atproto.server.describeServer
  ok       ok       ok       ok       ok       ok       ok       ok       ok       ok       ok
com.atproto.server.getAccountInviteCodes
  missing  ok       token    token    token    ok       token    token    token    token    never
com.atproto.server.getServiceAuth
  missing  ok       token    ok       ok       ok       token    token    token    token    ok
com.atproto.server.getSession
  missing  ok       token    ok       ok       ok       token    token    token    token    ok
com.atproto.server.listAppPasswords
  missing  ok       token    token    token    ok       token    token    token    token    never
com.atproto.server.refreshSession
  missing  token    ok       token    token    token    token    token    token    token    token
com.atproto.server.requestAccountDelete
  missing  ok       token    token    token    ok       token    token    token    token    never
com.atproto.server.requestEmailConfirmation
  missing  ok       token    ok       ok       ok       token    token    token    token    scope
com.atproto.server.requestEmailUpdate
  missing  ok       token    token    token    ok       token    token    token    token    never
com.atproto.server.requestPasswordReset
  ok       ok       ok       ok       ok       ok       ok       ok       ok       ok       ok
com.atproto.server.reserveSigningKey
  missing  jwt      jwt      jwt      jwt      jwt      jwt      exists   exists   audience token
com.atproto.server.resetPassword
  code     code     code     code     code     code     code     code     code     code     code
com.atproto.server.revokeAppPassword
  missing  ok       token    token    token    ok       token    token    token    token    never
com.atproto.server.updateEmail
  missing  ok       token    token    token    ok       token    token    token    token    never
com.atproto.sync.getBlob
  blob     blob     token    blob     blob     blob     blob     blob     token    token    blob
com.atproto.sync.getBlocks
  block    block    token    block    block    block    token    block    token    token    block
com.atproto.sync.getCheckout
  ok       ok       token    ok       ok       ok       token    ok       token    token    ok
com.atproto.sync.getHead
  ok       ok       token    ok       ok       ok       token    ok       token    token    ok
com.atproto.sync.getLatestCommit
  ok       ok       token    ok       ok       ok       token    ok       token    token    ok
com.atproto.sync.getRecord
  ok       ok       token    ok       ok       ok       token    ok       token    token    ok
com.atproto.sync.getRepo
  ok       ok       token    ok       ok       ok       ok       ok       token    token    ok
com.atproto.sync.getRepoStatus
  ok       ok       ok       ok       ok       ok       ok       ok       ok       ok       ok
com.atproto.sync.listBlobs
  ok       ok       token    ok       ok       ok       ok       ok       token    token    ok
com.atproto.sync.listRepos
  ok       ok       ok       ok       ok       ok       ok       ok       ok       ok       ok
com.atproto.temp.checkHandleAvailability
  ok       ok       ok       ok       ok       ok       ok       ok       ok       ok       ok
com.atproto.temp.checkSignupQueue
  missing  ok       token    ok       ok       ok       token    token    token    token    never
"""

_LINES = [line for line in _ROWS.splitlines() if line and not line.startswith("#")]

# A method on a line of its own, the answers on the next.
TABLE: Final = {
    nsid: tuple(answers.split()) for nsid, answers in zip(_LINES[::2], _LINES[1::2], strict=True)
}
