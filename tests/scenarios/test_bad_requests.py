"""Requests that are wrong before their body matters: who asks, where, how, with what parameters."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pds.atproto.car import write_car
from pds.atproto.cid import cid_for_cbor
from pds.atproto.firehose_frames import decode_frame
from tests.hostile_client import (
    ADMIN_PASSWORD,
    JSON,
    POST,
    Site,
    basic,
    bearer,
    refused,
    unsigned,
)

pytestmark = pytest.mark.slow

CAR = "application/vnd.ipld.car"
OTHER = str(cid_for_cbor(b"\xa0"))
GOOD_CAR = write_car([cid_for_cbor(b"\xa0")], [(cid_for_cbor(b"\xa0"), b"\xa0")])
NOBODY = "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz"

# --- who is calling -----------------------------------------------------------------------------


def test_bad_tokens_are_refused(site: Site) -> None:
    claims = {"scope": "com.atproto.access", "sub": site.alice.did, "exp": 9_999_999_999}
    refresh = {"typ": "refresh+jwt", "scope": "com.atproto.refresh", "jti": "1"}
    bad = {
        "garbage": "garbage",
        "dots": "..",
        "not ASCII": "é.é.é",
        "very long": "a" * 20_000,
        "cut short": site.alice.token[:-10],
        "changed": site.alice.token[:-3] + "AAA",
        "alg none": unsigned({**claims, "aud": "did:web:localhost"}),
        "foreign": site.token(secret="another secret of enough bytes, yes"),
        "other server's": site.token(aud="did:web:other.example.com"),
        "no audience": site.token(aud=None),
        "no type": site.token(typ="JWT"),
        "refresh": site.token(**refresh),
        "refresh as access": site.token(scope="com.atproto.refresh"),
        "unknown scope": site.token(scope="com.atproto.everything"),
        "no scope": site.token(scope=None),
        "list as scope": site.token(scope=["com.atproto.access"]),
        "no subject": site.token(sub=None),
        "no DID": site.token(sub="alice.test"),
        "never expires": site.token(exp=None),
        "for one method": site.token(lxm="com.atproto.repo.createRecord"),
        "bound to a key": site.token(cnf={"jkt": "a"}),
    }
    body = json.dumps(site.record()).encode()
    for name, token in bad.items():
        headers = {"Content-Type": JSON, "Authorization": f"Bearer {token}"}
        reply = site.request("POST", "/xrpc/com.atproto.repo.createRecord", body, headers)
        assert (reply.status, reply.json["error"]) == (400, "InvalidToken"), (name, reply)
        assert reply.json["message"], name
    expired = site.post("com.atproto.repo.createRecord", site.record(), site.token(exp=1))
    refused(expired, 400, "ExpiredToken", "expired")


def test_other_ways_of_authorization_are_refused(site: Site) -> None:
    path = "/xrpc/com.atproto.server.getSession"
    refused(site.request("GET", path), 401, "AuthMissing")
    for header, says in (
        ("Bearer", "Malformed"),
        ("Bearer ", "Malformed"),
        ("Bearer a b", "Malformed"),
        (f"Token {site.alice.token}", "Unsupported"),
        (site.alice.token, "Malformed"),
        ("", "Malformed"),
    ):
        reply = site.request("GET", path, headers={"Authorization": header})
        refused(reply, 400, "InvalidToken", says)
    reply = site.request("GET", path, headers=basic("admin", ADMIN_PASSWORD))
    refused(reply, 400, "InvalidToken", "Unexpected")
    reply = site.get("com.atproto.server.getSession", site.token(sub=NOBODY))
    reply.check_refused()


def test_basic_authorization_with_wrong_credentials_is_refused(site: Site) -> None:
    for headers in (
        {},
        basic("admin", "wrong"),
        basic("root", ADMIN_PASSWORD),
        basic("admin", ""),
        basic("admin", ADMIN_PASSWORD + "\x00"),
        basic("é", "é"),
        {"Authorization": "Basic ****"},
        {"Authorization": "Basic"},
        bearer(site.alice.token),
    ):
        reply = site.post("com.atproto.server.createInviteCode", {"useCount": 1}, **headers)
        refused(reply, 401, "AuthenticationRequired")


def test_token_of_an_account_that_is_gone_writes_nothing(site: Site) -> None:
    """It speaks for no session, and clients that are told so log in anew."""
    token = site.token(sub=NOBODY)
    reply = site.post("com.atproto.repo.createRecord", {**site.record(), "repo": NOBODY}, token)
    refused(reply, 400, "ExpiredToken", "expired")
    for nsid, body, kind in (("uploadBlob", b"x", "image/png"), ("importRepo", GOOD_CAR, CAR)):
        reply = site.post(f"com.atproto.repo.{nsid}", body, token, Content_Type=kind)
        refused(reply, 400, "ExpiredToken", "expired")
    for nsid, given in (("activateAccount", b""), ("deactivateAccount", {})):
        reply = site.post(f"com.atproto.server.{nsid}", given, token)
        refused(reply, 400, "ExpiredToken", "expired")
    for nsid in ("server.checkAccountStatus", "repo.listMissingBlobs"):
        refused(site.get(f"com.atproto.{nsid}", token), 400, "ExpiredToken", "expired")


def test_repo_of_somebody_else_is_refused(site: Site) -> None:
    for repo in (site.bob.did, site.bob.handle):
        body = {**site.record(), "repo": repo, "rkey": site.rkey}
        for nsid in ("createRecord", "putRecord", "deleteRecord"):
            refused(site.write(nsid, body), 401, "AuthenticationRequired", "another account")
        reply = site.write("applyWrites", {"repo": repo, "writes": []})
        refused(reply, 401, "AuthenticationRequired", "another account")


# --- the firehose -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("cursor=x", "InvalidRequest"),
        ("cursor=1.5", "InvalidRequest"),
        ("cursor=%00", "InvalidRequest"),
        ("cursor=1&cursor=2", "InvalidRequest"),
        ("cursor=" + "9" * 5_000, "InvalidRequest"),
        ("cursor=9007199254740993", "InvalidRequest"),
        ("cursor=9007199254740991", "FutureCursor"),
        ("cursor=1000", "FutureCursor"),
    ],
    ids=lambda text: text[:30],
)
def test_bad_cursor_of_the_firehose_is_an_error_frame(site: Site, query: str, error: str) -> None:
    address = f"ws://127.0.0.1:{site.server.port}/xrpc/com.atproto.sync.subscribeRepos?{query}"
    with connect(address, compression=None) as socket:
        frame = socket.recv(timeout=10)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert isinstance(frame, bytes)
    header, payload = decode_frame(frame)
    assert header == {"op": -1}
    assert payload["error"] == error
    assert payload["message"]
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, error)


def test_firehose_by_plain_http_is_refused(site: Site) -> None:
    path = "/xrpc/com.atproto.sync.subscribeRepos"
    refused(site.request("GET", f"{path}?cursor=0"), 426, "UpgradeRequired", "WebSocket")
    for verb in ("POST", "PUT"):
        assert 400 <= site.request(verb, path).status < 500
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    for nsid in ("com.atproto.sync.listRepos", "com.example.stream", ""):
        raw = site.exchange(
            f"GET /xrpc/{nsid} HTTP/1.1\r\nHost: a\r\n{upgrade}"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert not raw.startswith(b"HTTP/1.1 101"), raw
        assert not raw.startswith(b"HTTP/1.1 500"), raw
        assert raw.startswith(b"HTTP/1.1 "), raw


# --- parameters ---------------------------------------------------------------------------------

DIDS = (
    "",
    "did",
    "did:plc:",
    "did:PLC:a",
    "alice.test",
    "did:plc:a b",
    "did:a",
    "did:plc:é",
    "\x00",
)
HANDLES = (
    "",
    "alice",
    "did:plc:",
    "a..test",
    "-a.test",
    "alice.test.",
    "al ice.test",
    "é.test",
    ".",
)
NSIDS = (
    "",
    "post",
    "app.bsky",
    "app.bsky.feed.post#x",
    "app.bsky.feed.*",
    "app/bsky",
    "a.b.3c",
    "\n",
)
RKEYS = ("", ".", "..", "a/b", "a b", "é", "x" * 513, "a\x00", "#")
CIDS = (
    "",
    "bafy",
    "QmYtUc4iTCbbfVSDNKvtQqrfyezPPnFvE33wFmutw9PBBk",
    OTHER.upper(),
    OTHER + "a",
    "é",
)
NUMBERS = ("0", "-1", "101", "1001", "x", "1.5", "1e1", "0x10", "9" * 500, " 1", "١", "1_0", "true")

FORMS: dict[str, dict[str, Any]] = {
    "com.atproto.identity.resolveHandle": {"handle": HANDLES},
    "com.atproto.repo.describeRepo": {"repo": (*HANDLES, *DIDS[1:4])},
    "com.atproto.repo.getRecord": {
        "repo": HANDLES, "collection": NSIDS, "rkey": RKEYS, "cid": ("bafy", "Qm" + "a" * 44),
    },
    "com.atproto.repo.listRecords": {
        "repo": HANDLES, "collection": NSIDS, "limit": NUMBERS, "cursor": RKEYS[1:],
        "reverse": ("yes", "1", "True", "null"),
    },
    "com.atproto.repo.listMissingBlobs": {"limit": NUMBERS, "cursor": CIDS[1:]},
    "com.atproto.sync.getBlob": {"did": DIDS, "cid": CIDS},
    "com.atproto.sync.getBlocks": {"did": DIDS, "cids": CIDS},
    "com.atproto.sync.getLatestCommit": {"did": DIDS},
    "com.atproto.sync.getRecord": {"did": DIDS, "collection": NSIDS, "rkey": RKEYS},
    "com.atproto.sync.getRepo": {"did": DIDS, "since": ("x", "3jzfcijpj2z2", "z" * 13, "\x00")},
    "com.atproto.sync.getRepoStatus": {"did": DIDS},
    "com.atproto.sync.listBlobs": {
        "did": DIDS, "since": ("x", "3jzfcijpj2z2"), "limit": NUMBERS, "cursor": CIDS[1:],
    },
    "com.atproto.sync.listRepos": {
        "limit": NUMBERS, "cursor": ("x", "-1", "1.5", "9" * 30, "1::did:plc:a", "١"),
    },
}  # fmt: skip


def good_params(site: Site, nsid: str) -> dict[str, str]:
    known = {
        "repo": site.alice.did,
        "did": site.alice.did,
        "handle": site.alice.handle,
        "collection": POST,
        "rkey": site.rkey,
        "cids": OTHER,
        "cid": OTHER,
    }
    optional = {"cid"} if nsid.endswith("getRecord") else set()
    return {name: known[name] for name in FORMS[nsid] if name in known and name not in optional}


def query_string(params: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in params.items())


@pytest.mark.parametrize("nsid", FORMS)
def test_malformed_parameters_are_refused_by_name(site: Site, nsid: str) -> None:
    good = good_params(site, nsid)
    for name, values in FORMS[nsid].items():
        for value in values:
            if value == "101" and not nsid.endswith("listRecords"):
                continue  # the limit is 1,000 there
            reply = site.get(f"{nsid}?{query_string({**good, name: value})}", site.alice.token)
            assert reply.status == 400, (name, value, reply)
            refused(reply, says=name.removesuffix("s"))
        twice = f"{query_string({**good, name: 'a'})}&{name}=b"
        if name != "cids":
            refused(site.get(f"{nsid}?{twice}", site.alice.token))


@pytest.mark.parametrize("nsid", [nsid for nsid in FORMS if {"did", "repo"} & FORMS[nsid].keys()])
def test_repo_that_is_not_here_is_refused(site: Site, nsid: str) -> None:
    good = good_params(site, nsid)
    name = "did" if "did" in good else "repo"
    for missing in (NOBODY, "did:web:elsewhere.example.com"):
        reply = site.get(f"{nsid}?{query_string({**good, name: missing})}")
        reply.check_refused()
        assert (reply.status, missing in reply.json["message"]) == (400, True), reply


def test_things_that_are_not_there_are_refused_by_name(site: Site) -> None:
    did = site.alice.did
    for query, error in (
        (f"repo.getRecord?repo={did}&collection={POST}&rkey=none", "RecordNotFound"),
        (f"repo.getRecord?repo={did}&collection=com.example.none&rkey=a", "RecordNotFound"),
        (
            f"repo.getRecord?repo={did}&collection={POST}&rkey={site.rkey}&cid={OTHER}",
            "RecordNotFound",
        ),
        (f"sync.getBlob?did={did}&cid={OTHER}", "BlobNotFound"),
        (f"sync.getBlocks?did={did}&cids={OTHER}", "BlockNotFound"),
    ):
        refused(site.get(f"com.atproto.{query}"), 400, error)


def test_query_string_of_garbage_is_refused(site: Site) -> None:
    nsid = "com.atproto.repo.listRecords"
    good = query_string(good_params(site, nsid))
    for garbage in ("limit=%", "limit=%zz", "limit=%ff", "limit=\xff", "limit=1;2"):
        raw = f"GET /xrpc/{nsid}?{good}&{garbage} HTTP/1.0\r\n\r\n".encode("latin-1")
        assert site.exchange(raw).startswith(b"HTTP/1.0 400 "), garbage
    many = "&".join(["a=1"] * 6_000)
    refused(site.get(f"{nsid}?{good}&{many}"), says="too many")


# --- verbs and paths ----------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["GET", "POST", "HEAD"])
def test_unknown_methods_are_for_those_who_sign_in(site: Site, verb: str) -> None:
    for nsid in ("com.example.nothing", "app.bsky.feed.searchPosts", "com.atproto.repo"):
        reply = site.request(verb, f"/xrpc/{nsid}")
        assert reply.status == 401
        if verb != "HEAD":
            refused(reply, 401, "AuthMissing")


def test_wrong_verbs_are_refused(site: Site) -> None:
    for verb, nsid, says in (
        ("GET", "com.atproto.repo.createRecord", "expected POST"),
        ("POST", "com.atproto.repo.getRecord", "expected GET"),
        ("PUT", "com.atproto.repo.createRecord", "GET and POST"),
        ("PATCH", "com.atproto.repo.createRecord", "GET and POST"),
        ("DELETE", "com.atproto.repo.getRecord", "GET and POST"),
    ):
        refused(site.request(verb, f"/xrpc/{nsid}"), says=says)
    for verb in ("BREW", "TRACE", "CONNECT", "get", "G" * 5_000):
        raw = site.exchange(f"{verb} /xrpc/com.atproto.repo.getRecord HTTP/1.0\r\n\r\n".encode())
        assert raw[9:12] in (b"400", b"405", b"414", b"431", b"501"), raw


PATHS = (
    "/xrpc", "/xrpc/", "/xrpc/..", "/xrpc/../xrpc", "/xrpc/a b", "/xrpc/a%20b", "/xrpc//",
    "//xrpc/",
    "/xrpc//com.atproto.repo.getRecord", "/xrpc/com.atproto.repo.getRecord/x", "/xrpc/%00",
    "/xrpc/com.atproto.repo.getRecord%00", "/xrpc/%2e%2e/%2e%2e/etc/passwd",
    "/xrpc/" + "a" * 50_000,
    "/xrpc/com..atproto", "/xrpc/.com.atproto.", "/xrpc/%ff%fe", "/xrpc/%C3%A9.a.b",
    "/xrpc/a?b=\xff",
    "/xrpc/com.atproto.repo.getRecord#x", "/xrpc/com.atproto.repo.*", "/%00", "/..",
    "/static/../app.py",
    "/static/%2e%2e/app.py", "/static/%00", "/nothing", "/.well-known/nothing",
    "/did:plc:x/nothing",
    "/did:plc:%00", "/did:plc:abc/log/audit", "/export?count=x", "/export?after=%00", "*",
    "/xrpc/" + "/" * 3_000, "http://example.com/xrpc/x..y", "/" + "%41" * 20_000, "/xrpc/\x7f",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path)[1:31])
def test_odd_paths_are_refused(site: Site, path: str) -> None:
    for verb in ("GET", "POST"):
        head = (
            f"{verb} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        raw = site.exchange(head.encode("latin-1"))
        status = raw[9:12]
        assert raw.startswith(b"HTTP/1."), (verb, raw[:300])
        assert status.startswith(b"4") or status == b"501", (verb, raw[:300])
        body = json.loads(raw.partition(b"\r\n\r\n")[2])
        assert body["message"], (verb, raw[:300])
        assert path.startswith(("/did:", "/export")) or body["error"], (verb, raw[:300])


WORDS = {
    "path": "/xrpc/com.atproto.sync.listMissing",
    "head": "/xrpc/com.atproto.sync.listMissing HTTP/1.1\r\nHost: a\r\n",
    "chunked": "Transfer-Encoding: chunked\r\n\r\n",
}
HEADS = (
    "GET\r\n\r\n",
    "GET {path}\r\n\r\n",
    "GET {path} HTTP/9.9\r\n\r\n",
    "garbage\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "GET {head}no colon\r\n\r\n",
    "GET {head}: empty\r\n\r\n",
    "GET {head}A B: c\r\n\r\n",
    "GET {head}X: a\x00b\r\n\r\n",
    "GET {head}User-Agent: \x01 id=1\r\n\r\n",
    "GET {head}X: " + "a" * 70_000 + "\r\n\r\n",
    "GET {head}" + "X: a\r\n" * 20_000 + "\r\n",
    "GET {head} folded\r\n\r\n",
    "POST {head}Content-Length: -1\r\n\r\n",
    "POST {head}Content-Length: x\r\n\r\n",
    "POST {head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "POST {head}Content-Length: " + "9" * 5_000 + "\r\n\r\n",
    "POST {head}Content-Length: 99999999999\r\n\r\n",
    "POST {head}Transfer-Encoding: gzip\r\n\r\n",
    "POST {head}{chunked}zz\r\nab\r\n0\r\n\r\n",
    "POST {head}{chunked}-1\r\nab\r\n0\r\n\r\n",
    "POST {head}{chunked}2\r\nabcd\r\n0\r\n\r\n",
)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: ascii(head[4:])[-40:])
def test_requests_that_are_not_http_are_refused(site: Site, head: str) -> None:
    raw = site.exchange(head.format(**WORDS).encode("latin-1"))

    assert raw[:7] == b"HTTP/1.", raw[:200]
    assert raw[9:10] == b"4" or raw[9:12] == b"501", raw[:200]
    assert json.loads(raw.partition(b"\r\n\r\n")[2])["message"], raw[:300]


def test_header_garbage_changes_nothing_about_a_good_request(site: Site) -> None:
    path = f"/xrpc/com.atproto.sync.getLatestCommit?did={site.alice.did}"
    for name, value in (
        ("X-Forwarded-For", "a, b, \xff, " + "1.2.3.4, " * 500),
        ("Accept-Encoding", "gzip;q=é, ;;;=,"),
        ("Origin", "null"),
        ("Host", "\xff"),
        ("Range", "bytes=-"),
        ("Cookie", "=;=;" * 100),
        ("If-None-Match", '"'),
        ("Expect", "200-maybe"),
        ("Atproto-Proxy", "nonsense#bsky_chat"),
        ("Content-Length", "0"),
    ):
        head = f"GET {path} HTTP/1.1\r\nConnection: close\r\n{name}: {value}\r\n\r\n"
        raw = site.exchange(head.encode("latin-1"))
        assert raw.startswith(b"HTTP/1.1 200 "), (name, raw[:200])
