"""An account with thousands of records and hundreds of blobs, on any server."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pds.atproto.syntax.tid import Tid
from tests.server_process import Account, ServerProcess

POSTS = 2_100
BLOBS = 218
BATCH = 200
DATE = "2026-01-01T00:00:00.000Z"
START_US = 1_700_000_000_000_000

TEXTS = (
    "plain words",
    "Grüße aus Köln, señora — ça va?",
    "日本語のテキスト、そして漢字",
    "עברית و العربية",
    "👩‍👩‍👧‍👦 🇺🇦 e\u0301 \u0000 \u007f \u2028",
)
CID = "bafyreihyrpefhacm6kkp4ql6j6udakdit7g3dmkzfriqfykhjw6cad5lrm"

Record = dict[str, Any]

# In full, so that servers that fill in defaults have none to fill in.
PREFERENCES: list[Record] = [
    {"$type": "app.bsky.actor.defs#adultContentPref", "enabled": True},
    {"$type": "app.bsky.actor.defs#contentLabelPref", "label": "spam", "visibility": "hide"},
    {
        "$type": "app.bsky.actor.defs#personalDetailsPref",
        "birthDate": "1990-01-01T00:00:00.000Z",
    },
    {"$type": "app.bsky.actor.defs#interestsPref", "tags": list(TEXTS[:3])},
]


def create_big_account(
    server: ServerProcess, name: str, *, posts: int = POSTS, blobs: int = BLOBS
) -> Account:
    """Create the account, write, change and delete: 5,000 records and 200 blobs are left."""
    account = server.create_account(f"{name}-{secrets.token_hex(4)}")
    uploads = [_upload(account, number) for number in range(blobs)]
    records = dict(_records(account.did, uploads, posts))
    _apply(account, [("create", path, value) for path, value in records.items()])
    changed = [path for path in records if path.startswith("app.bsky.feed.post/")]
    _apply(account, [("update", path, _post(f"changed: {path}")) for path in changed[1::9]])
    _apply(account, [("delete", path, None) for path in list(records)[2::13]])
    preferences = {"preferences": PREFERENCES}
    server.post("app.bsky.actor.putPreferences", preferences, token=account.token)
    return account


def _apply(account: Account, writes: list[tuple[str, str, Record | None]]) -> None:
    remaining = iter(writes)
    while batch := list(islice(remaining, BATCH)):
        body = {"repo": account.did, "writes": [_write(*write) for write in batch]}
        account.server.post("com.atproto.repo.applyWrites", body, token=account.token)


def _write(action: str, path: str, value: Record | None) -> Record:
    collection, rkey = path.split("/")
    write = {
        "$type": f"com.atproto.repo.applyWrites#{action}",
        "collection": collection,
        "rkey": rkey,
    }
    return write if value is None else {**write, "value": value}


def _upload(account: Account, number: int) -> Record:
    """A picture or, one time in six, something that is none; between 1 and 60 kB, one of 3 MB."""
    content = random.Random(number).randbytes(3_000_000 if number == 7 else 1_000 + number * 1_200)
    is_picture = number % 6 != 5
    start = b"\x89PNG\r\n\x1a\n" if is_picture else b"\x00plain bytes"
    reply = account.server.post(
        "com.atproto.repo.uploadBlob",
        start + content,
        token=account.token,
        content_type="image/png" if is_picture else "application/octet-stream",
    )
    blob: Record = reply["blob"]
    return blob


def _records(did: str, blobs: list[Record], posts: int) -> Iterator[tuple[str, Record]]:
    pictures = [blob for blob in blobs if blob["mimeType"].startswith("image/")]
    small = [blob for blob in pictures if blob["size"] < 900_000]
    profile = {"displayName": TEXTS[2], "description": TEXTS[4], "avatar": small[0]}
    yield _typed("app.bsky.actor.profile", "self", profile)
    for number, blob in enumerate(blobs):
        yield _typed("com.example.attachment", f"blob-{number}", {"file": blob, "seen": [blob]})
    for number in range(posts):
        rkey = str(Tid.from_us(START_US + number * 86_400_000_111, number % 1_024))
        post = _post(f"{number}: {TEXTS[number % len(TEXTS)]}")
        if number % 50 == 0:
            image = {"alt": TEXTS[1], "image": small[number // 50 % len(small)]}
            post["embed"] = {"$type": "app.bsky.embed.images", "images": [image]}
        yield f"app.bsky.feed.post/{rkey}", post
        yield from _around(did, number, rkey)


def _around(did: str, number: int, rkey: str) -> Iterator[tuple[str, Record]]:
    """What goes with a post, in collections whose names stand on both sides of the slash."""
    uri = f"at://{did}/app.bsky.feed.post/{rkey}"
    if number % 2 == 0:
        like = {"subject": {"uri": uri, "cid": CID}, "createdAt": DATE}
        yield _typed("app.bsky.feed.like", rkey, like)
    if number % 4 == 1:
        letters = "abcdefghijklmnopqrstuvwxyz234567"
        subject = "did:plc:" + "".join(random.Random(number).choices(letters, k=24))
        yield _typed("app.bsky.graph.follow", rkey, {"subject": subject, "createdAt": DATE})
    if number % 8 == 3:
        yield _typed("app.bsky.feed.postgate", rkey, {"post": uri, "createdAt": DATE})
    if number % 3 == 0:
        yield _typed("com.example.note", f"key_{number}:~.-", _note(number))
    if number % 3 == 1:
        yield _typed("com.example.note.deep", str(number), _note(number))


def _note(number: int) -> Record:
    return {
        "ключ": [number, -number, 2**53 - 1, -(2**53) + 1, True, None, []],
        "aa": {"b": {}, "link": {"$link": CID}, "bytes": {"$bytes": "AAECAwT/"}},
        "c": "x" * (number % 300),
        " ": None,
    }


def _post(text: str) -> Record:
    return {"$type": "app.bsky.feed.post", "text": text, "createdAt": DATE}


def _typed(collection: str, rkey: str, value: Record) -> tuple[str, Record]:
    return f"{collection}/{rkey}", {"$type": collection, **value}
