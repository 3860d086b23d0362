"""Scopes and needs for property tests, from few names so that they often meet."""

from __future__ import annotations

from hypothesis import strategies as st

from pds.atproto.oauth.scopes import account, identity, repo
from pds.atproto.oauth.scopes.account import AccountScope
from pds.atproto.oauth.scopes.blob import BlobScope
from pds.atproto.oauth.scopes.errors import InvalidScopeError
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.identity import IdentityScope
from pds.atproto.oauth.scopes.include import IncludeScope
from pds.atproto.oauth.scopes.needs import (
    AccountNeed,
    BlobNeed,
    IdentityNeed,
    Need,
    RepoNeed,
    RpcNeed,
)
from pds.atproto.oauth.scopes.parse import Scope
from pds.atproto.oauth.scopes.repo import RepoScope
from pds.atproto.oauth.scopes.rpc import RpcScope
from pds.atproto.oauth.scopes.static import StaticScope
from pds.atproto.syntax.nsid import Nsid

NSIDS = ["com.example.foo", "com.example.bar", "chat.bsky.convo.getLog", "app.bsky.feed.post"]
SERVICES = [
    "did:web:example.com#foo",
    "did:web:example.com#%41&b=+?/@",
    "did:web:localhost%3A80#x",
    "did:plc:z72i7hdynmk6r22z27h6tvur#a",
]
TYPES = ["image/png", "image/svg+xml", "video/mp4", "a&b/c^d+e"]
RANGES = [*TYPES, "image/*", "video/*", "*/*", "IMAGE/*"]

nsids = st.sampled_from(NSIDS)
names = st.lists(st.sampled_from([*NSIDS, "*"]), min_size=1, max_size=4)
repo_actions = st.lists(st.sampled_from(repo.ACTIONS), min_size=1)
account_actions = st.lists(st.sampled_from(account.ACTIONS), min_size=1)


@st.composite
def rpc_scopes(draw: st.DrawFn) -> RpcScope:
    audience = draw(st.sampled_from([*SERVICES, "*"]))
    try:
        return RpcScope.of(draw(names), audience)
    except InvalidScopeError:
        return RpcScope.of([draw(nsids)], audience)


scopes: st.SearchStrategy[Scope] = st.one_of(
    st.sampled_from(StaticScope),
    st.builds(RepoScope.of, names, repo_actions),
    rpc_scopes(),
    st.builds(BlobScope.of, st.lists(st.sampled_from(RANGES), min_size=1, max_size=4)),
    st.builds(AccountScope.of, st.sampled_from(account.ATTRIBUTES), account_actions),
    st.builds(IdentityScope, st.sampled_from(identity.ATTRIBUTES)),
    st.builds(IncludeScope, nsids.map(Nsid), st.none() | st.sampled_from(SERVICES)),
)
scope_sets = st.lists(scopes, max_size=5).map(ScopeSet.of)

needs: st.SearchStrategy[Need] = st.one_of(
    st.builds(RepoNeed, nsids, st.sampled_from(repo.ACTIONS)),
    st.builds(
        RpcNeed,
        st.sampled_from([*NSIDS, "chat.bsky.convo.getConvo", "*"]),
        st.sampled_from([*SERVICES, "did:web:example.com"]),
    ),
    st.builds(BlobNeed, st.sampled_from([*TYPES, "audio/ogg"])),
    st.builds(AccountNeed, st.sampled_from(account.ATTRIBUTES), st.sampled_from(account.ACTIONS)),
    st.builds(IdentityNeed, st.sampled_from(identity.ATTRIBUTES)),
)
