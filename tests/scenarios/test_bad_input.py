"""Everything a client can get wrong: it is told so in the protocol's words, and nothing changes."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from pds.atproto import dag_cbor
from pds.atproto.car import write_car
from pds.atproto.cid import cid_for_cbor, cid_for_raw
from tests.hostile_client import (
    JSON,
    POST,
    Reply,
    Site,
    bearer,
    refused,
)

pytestmark = pytest.mark.slow

CAR = "application/vnd.ipld.car"
OTHER = str(cid_for_cbor(b"\xa0"))
RAW = str(cid_for_raw(b"not uploaded"))
NOBODY = "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz"


# --- bodies -------------------------------------------------------------------------------------

BODIES = {
    "nothing": b"",
    "cut short": b'{"repo": "did:plc:a", "coll',
    "text behind": b"{} {}",
    "array": b"[]",
    "null": b"null",
    "string": b'"repo"',
    "number": b"1",
    "bytes at the top": b'{"$bytes": "AA"}',
    "link at the top": b'{"$link": "%s"}' % OTHER.encode(),
    "not UTF-8": b'{"repo": "\xff"}',
    "UTF-16": '{"repo": "a"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "NaN": b'{"repo": NaN}',
    "Infinity": b'{"repo": -Infinity}',
    "doubled key": b'{"repo": "a", "repo": "b"}',
    "lone surrogate": b'{"repo": "\\ud800"}',
    "lone surrogate in a key": b'{"\\udfff": 1}',
    "raw control character": b'{"repo": "a\nb"}',
    "75,000 arrays": b'{"repo": ' + b"[" * 75_000 + b"]" * 75_000 + b"}",
    "150,000 open arrays": b"[" * 150_000,
    "20,000 objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "integer of 100,000 digits": b'{"repo": ' + b"9" * 100_000 + b"}",
    "integer beyond 64 bits": b'{"repo": 18446744073709551616}',
    "number too large to hold": b'{"repo": 1e999}',
    "single quotes": b"{'repo': 'a'}",
    "form": b"repo=a&collection=b",
}
PROCEDURES = (
    "com.atproto.repo.createRecord",
    "com.atproto.repo.applyWrites",
    "com.atproto.repo.deleteRecord",
    "com.atproto.server.createSession",
    "com.atproto.server.createAccount",
    "com.atproto.server.deactivateAccount",
)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_body_that_is_no_object_of_data_is_refused(site: Site, body: bytes) -> None:
    for nsid in PROCEDURES:
        anonymous = nsid.startswith("com.atproto.server.create")
        if nsid.endswith("deactivateAccount") and body == b"":
            continue  # as good as {}: everything is optional there
        reply = site.post(nsid, body, None if anonymous else site.alice.token)
        refused(reply, says="input" if body == b"" else "invalid")


BLOB = {"$type": "blob", "ref": {"$link": RAW}, "mimeType": "a/b", "size": 1}

# What may stand at any place of a record, as JSON text, and what the refusal has to mention.
VALUES = {
    "fraction": ("1.5", "whole"),
    "unsafe integer": ("9007199254740993", "2^53-1"),
    "unsafe negative integer": ("-9007199254740992", "2^53-1"),
    "unsafe integer as float": ("1e300", "2^53-1"),
    "$type null": ('{"$type": null}', "$type"),
    "$type number": ('{"$type": 5}', "$type"),
    "$type empty": ('{"$type": ""}', "$type"),
    "$type object": ('{"$type": {"$type": "a"}}', "$type"),
    "$bytes number": ('{"$bytes": 1}', "$bytes"),
    "$bytes no base64": ('{"$bytes": "*"}', "$bytes"),
    "$bytes impossible length": ('{"$bytes": "AAAAA"}', "$bytes"),
    "$bytes not alone": ('{"$bytes": "AA", "b": 1}', "$bytes"),
    "$link number": ('{"$link": 1}', "$link"),
    "$link no CID": ('{"$link": "bafy"}', "$link"),
    "$link version 0": ('{"$link": "QmYtUc4iTCbbfVSDNKvtQqrfyezPPnFvE33wFmutw9PBBk"}', "$link"),
    "$link null": ('{"$link": null}', "$link"),
    "$link not alone": (json.dumps({"$link": OTHER, "b": 1}), "$link"),
    "blob alone": ('{"$type": "blob"}', "blob"),
    "blob without link": (json.dumps({**BLOB, "ref": RAW}), "ref"),
    "blob of negative size": (json.dumps({**BLOB, "size": -1}), "size"),
    "blob of no size": (json.dumps({**BLOB, "size": None}), "size"),
    "blob of half a size": (json.dumps({**BLOB, "size": 0.5}), "size"),
    "blob of no type": (json.dumps({**BLOB, "mimeType": ""}), "mimeType"),
    "blob with more": (json.dumps({**BLOB, "alt": ""}), "blob"),
    "legacy blob": (json.dumps({"cid": RAW, "mimeType": "image/png"}), "legacy"),
    "empty key": ('{"": 1}', "key"),
    "endless key": (json.dumps({"k" * 9_000: 1}), "key"),
    "deep nesting": ("[" * 40 + "]" * 40, "nested too deeply"),
    "nesting just too deep": ("[" * 32 + "]" * 32, "nested too deeply"),
    "very deep nesting": ("[" * 5_000 + "]" * 5_000, "nested too deeply"),
    "lone surrogate": ('"\\udc00"', "surrogate"),
    "doubled key": ('{"a": 1, "a": 1}', "twice"),
}


@pytest.mark.parametrize(("value", "says"), VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("validate", ["null", "false"])
def test_record_that_is_no_valid_data_is_refused(
    site: Site, value: str, says: str, validate: str
) -> None:
    rest = "" if validate == "null" else f', "validate": {validate}'
    where = f'"repo": "{site.alice.did}"{rest}'
    kind = '"collection": "com.example.note"'
    record = f'{{"a": [{{"b": {value}}}]}}'
    if "nested" in says:
        record = f'{{"a": {value}}}'
    create = f'{{{where}, {kind}, "record": {record}}}'
    put = f'{{{where}, {kind}, "rkey": "a", "record": {record}}}'
    write = f'{{"$type": "com.atproto.repo.applyWrites#create", {kind}, "value": {record}}}'
    batch = f'{{{where}, "writes": [{write}]}}'

    for nsid, body in (("createRecord", create), ("putRecord", put), ("applyWrites", batch)):
        refused(site.write(nsid, body.encode()), says=says)


RECORDS: list[Any] = [None, 1, True, "text", [], [{}], {"$bytes": "AA"}, {"$link": OTHER}]


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_record_that_is_no_object_is_refused(site: Site, record: Any) -> None:
    refused(site.write("createRecord", site.own(record)), says="record")
    refused(site.write("createRecord", site.own(record, validate=False)), says="record")
    refused(site.write("putRecord", site.own(record, rkey="a")), says="record")
    write = {
        "$type": "com.atproto.repo.applyWrites#create",
        "collection": "com.example.note",
        "value": record,
    }
    refused(
        site.write("applyWrites", {"repo": site.alice.did, "writes": [write]}),
        says="writes/0/value",
    )


FIELDS: list[tuple[str, Any]] = [
    ("repo", None), ("repo", 1), ("repo", ""), ("repo", "alice"), ("repo", "did:plc:"),
    ("repo", "did:PLC:abc"), ("repo", "at://alice.test"), ("repo", "alice.test "),
    ("repo", "x" * 3_000), ("repo", {}), ("repo", "a..test"), ("repo", "did:plc:a\x00b"),
    ("collection", None), ("collection", ""), ("collection", "post"), ("collection", 5),
    ("collection", "app.bsky.feed.post/x"), ("collection", "app.bsky.feed..post"),
    ("collection", "app.bsky.feed.po-st"), ("collection", f"a.b.{'c' * 70}"),
    ("collection", "app.bsky.feed.post#main"), ("collection", "app.bsky.feed.*"),
    ("rkey", 1), ("rkey", None), ("rkey", ""), ("rkey", "."), ("rkey", ".."), ("rkey", "a/b"),
    ("rkey", "a b"), ("rkey", "é"), ("rkey", "a#b"), ("rkey", "x" * 513), ("rkey", "a\n"),
    ("rkey", "self"), ("rkey", "\x00"), ("rkey", "%61"),
    ("validate", None), ("validate", "true"), ("validate", 1), ("validate", []),
    ("swapCommit", 1), ("swapCommit", ""), ("swapCommit", "bafy"), ("swapCommit", RAW + "a"),
    ("swapCommit", "QmYtUc4iTCbbfVSDNKvtQqrfyezPPnFvE33wFmutw9PBBk"), ("swapCommit", {}),
    ("swapCommit", {"$link": OTHER}), ("record", "text"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), FIELDS, ids=lambda given: repr(given)[:40])
def test_malformed_field_of_a_write_is_refused(site: Site, field: str, value: Any) -> None:
    body = {**site.record(), field: value}
    refused(site.write("createRecord", body))

    for nsid in ("putRecord", "deleteRecord"):
        if (nsid == "deleteRecord" and field in ("validate", "record")) or value == "self":
            continue
        refused(site.write(nsid, {**site.record(), "rkey": site.rkey, field: value}))


@pytest.mark.parametrize("value", [1, "", "bafy", {}, {"$link": OTHER}, [], "b" * 10_000], ids=repr)
def test_malformed_swap_record_is_refused(site: Site, value: Any) -> None:
    body = {**site.record(text="new"), "rkey": site.rkey, "swapRecord": value}
    for nsid in ("putRecord", "deleteRecord"):
        refused(site.write(nsid, body), says="swapRecord")


@pytest.mark.parametrize("field", ["repo", "collection", "record", "rkey"])
def test_missing_field_of_a_write_is_refused(site: Site, field: str) -> None:
    for nsid in ("createRecord", "putRecord", "deleteRecord"):
        body = {**site.record(), "rkey": site.rkey}
        del body[field]
        if (nsid, field) in (("createRecord", "rkey"), ("deleteRecord", "record")):
            continue
        refused(site.write(nsid, body), says=field)


def batch(site: Site, *writes: Any, **fields: Any) -> Reply:
    return site.write("applyWrites", {"repo": site.alice.did, "writes": list(writes), **fields})


def write(kind: str, **fields: Any) -> dict[str, Any]:
    given = {"collection": "com.example.note", "rkey": "a", "value": {}, **fields}
    return {"$type": f"com.atproto.repo.applyWrites#{kind}", **given}


GOOD = write("create", rkey="good")
BATCHES: dict[str, tuple[Any, str]] = {
    "no array": ({}, "writes"),
    "null": (None, "writes"),
    "null among them": ([GOOD, None], "writes/1"),
    "number among them": ([GOOD, 1], "writes/1"),
    "without type": ([GOOD, {"collection": "com.example.note", "value": {}}], "writes/1"),
    "of unknown type": ([GOOD, write("upsert")], "writes/1"),
    "short type": ([GOOD, {**GOOD, "$type": "#create"}], "writes/1"),
    "number as type": ([GOOD, {**GOOD, "$type": 1}], "$type"),
    "delete without key": ([GOOD, {"$type": GOOD["$type"][:-6] + "delete"}], "writes/1"),
    "create of nothing": ([GOOD, write("create", value=None)], "writes/1"),
    "bad key": ([GOOD, write("create", rkey="a/b")], "writes/1"),
    "bad collection": ([GOOD, write("create", collection="note")], "writes/1"),
    "bad record": ([GOOD, write("create", collection=POST, rkey="3jzfcijpj2z2a")], "text"),
    "taken key": ([GOOD, GOOD], "exists"),
    "update of nothing": ([GOOD, write("update")], "no record"),
    "delete of nothing": ([GOOD, write("delete")], "no record"),
    "201 writes": ([write("create", rkey=f"k{n}") for n in range(201)], "Max: 200"),
    "10,000 writes": ([write("delete", rkey="k")] * 8_000, "Max: 200"),
}


@pytest.mark.parametrize(("writes", "says"), BATCHES.values(), ids=BATCHES)
def test_bad_write_in_a_batch_refuses_the_whole(site: Site, writes: Any, says: str) -> None:
    body = {"repo": site.alice.did, "writes": writes}
    refused(site.write("applyWrites", body), says=says)


def test_write_that_contradicts_its_schema_is_refused(site: Site) -> None:
    for changes, says in (
        ({"text": None}, "text"),
        ({"text": 1}, "text"),
        ({"text": "x" * 3_001}, "text"),
        ({"text": "é" * 301}, "text"),
        ({"createdAt": "yesterday"}, "createdAt"),
        ({"createdAt": "2026-02-30T00:00:00Z"}, "createdAt"),
        ({"langs": ["not a language"]}, "langs"),
        ({"facets": [{"index": {"byteStart": -1, "byteEnd": 0}, "features": []}]}, "byteStart"),
        ({"reply": {"root": {"uri": "at://x", "cid": OTHER}}}, "reply"),
        ({"$type": "app.bsky.feed.like"}, "$type"),
    ):
        refused(site.write("createRecord", site.record(**changes)), says=says)
    refused(site.write("createRecord", site.own({}, validate=True)), says="unknown lexicon")
    refused(
        site.write("createRecord", site.own({"$type": "com.example.other"}, validate=False)),
        says="$type",
    )


# --- sizes --------------------------------------------------------------------------------------


def chunks(size: int) -> Iterator[bytes]:
    return iter([b"x" * 50_000] * (size // 50_000))


@pytest.mark.parametrize(
    ("nsid", "limit", "content_type"),
    [
        ("createRecord", 1_000_000, JSON),
        ("putRecord", 1_000_000, JSON),
        ("applyWrites", 1_000_000, JSON),
        ("deleteRecord", 153_600, JSON),
        ("uploadBlob", 5_242_880, "image/png"),
    ],
)
def test_body_over_the_limit_is_413(site: Site, nsid: str, limit: int, content_type: str) -> None:
    too_large = (413, "PayloadTooLarge", "too large")
    head = {"Content_Type": content_type}
    refused(site.write(nsid, b"x" * (limit + 1), **head), *too_large)
    refused(site.write(nsid, chunks(limit + 100_000), **head), *too_large)
    packed = gzip.compress(bytes(limit + 1))
    refused(site.write(nsid, packed, Content_Encoding="gzip", **head), *too_large)
    bomb = gzip.compress(gzip.compress(bytes(20 * limit)))
    refused(site.write(nsid, bomb, Content_Encoding="gzip, gzip", **head), *too_large)


def test_record_over_the_limit_is_refused_although_its_body_is_not(site: Site) -> None:
    numbers = b"[" + b",".join([b"1e15"] * 120_000) + b"]"  # 5 bytes each as JSON, 9 as CBOR
    body = json.dumps(site.own({"n": "HERE"})).encode().replace(b'"HERE"', numbers)

    refused(site.write("createRecord", body), says="Record too large: 1080")


# --- encodings and types ------------------------------------------------------------------------


def test_wrong_content_types_are_refused(site: Site) -> None:
    body = json.dumps(site.record()).encode()
    for content_type in ("text/plain", "application/cbor", "json", "application/", "/", "*/*"):
        reply = site.write("createRecord", body, Content_Type=content_type)
        refused(reply, says="Content-Type")
    headers = bearer(site.alice.token)
    reply = site.request("POST", "/xrpc/com.atproto.repo.createRecord", body, headers)
    refused(reply, says="Content-Type")
    refused(site.write("importRepo", body), says="Content-Type")


def test_bad_content_encodings_are_refused(site: Site) -> None:
    body = json.dumps(site.record()).encode()
    for encoding in ("br", "zstd", "compress", "gzip, nonsense", ",".join(["gzip"] * 9), "*"):
        reply = site.write("createRecord", body, Content_Encoding=encoding)
        refused(reply, 415, "UnsupportedMediaType", "content-encoding")
    packed = gzip.compress(body)
    for broken in (body, packed[:-5], packed + b"x", b"", packed[:3]):
        refused(site.write("createRecord", broken, Content_Encoding="gzip"))


def test_bodies_where_none_belong_and_none_where_one_does(site: Site) -> None:
    token = bearer(site.alice.token)
    query = f"/xrpc/com.atproto.sync.getLatestCommit?did={site.alice.did}"
    reply = site.request("GET", query, b"{}", {"Content-Type": JSON})
    refused(reply, says="body was provided")
    reply = site.post("com.atproto.server.activateAccount", {}, site.alice.token)
    refused(reply, says="body was provided")
    for nsid in ("repo.createRecord", "repo.uploadBlob", "repo.importRepo", "server.createSession"):
        raw = site.exchange(
            f"POST /xrpc/com.atproto.{nsid} HTTP/1.1\r\nHost: a\r\n"
            f"Authorization: {token['Authorization']}\r\nContent-Type: {JSON}\r\n\r\n".encode()
        )
        assert raw.startswith(b"HTTP/1.1 400 "), raw
        assert b"A request body is expected" in raw


# --- importRepo ---------------------------------------------------------------------------------


def car_of(*blocks: bytes) -> bytes:
    pairs = [(cid_for_cbor(block), block) for block in blocks]
    return write_car([pairs[0][0]], pairs)


COMMIT = dag_cbor.encode(
    {"did": NOBODY, "version": 3, "rev": "3jzfcijpj2z2a", "prev": None,
     "data": cid_for_cbor(b"\xa0"), "sig": bytes(64)}
)  # fmt: skip
GOOD_CAR = car_of(COMMIT)
CARS = {
    "nothing": b"",
    "zeros": bytes(100),
    "endless length": b"\xff" * 100,
    "length beyond the file": b"\x80\x80\x80\x80\x08",
    "header only": GOOD_CAR[:59],
    "header is no map": b"\x01\x80",
    "version 2": b"\x0b\xa1gversion\x02",
    "cut short": GOOD_CAR[:-1],
    "wrong hash": GOOD_CAR[:-1] + b"\x01",
    "trailing bytes": GOOD_CAR + b"\x05",
    "somebody's commit": GOOD_CAR,
    "root is no commit": car_of(b"\xa0"),
    "root is no CBOR": car_of(b"\xff\xff"),
    "nested CBOR": car_of(b"\x81" * 200_000 + b"\x80"),
    "huge CBOR length": car_of(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
    "floats": car_of(b"\xa1aa\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
    "JSON": b"{}",
}


@pytest.mark.parametrize("car", CARS.values(), ids=CARS)
def test_import_of_a_damaged_repo_is_refused(site: Site, car: bytes) -> None:
    refused(site.write("importRepo", car, Content_Type=CAR))
    refused(site.write("importRepo", io.BytesIO(car).readlines().__iter__(), Content_Type=CAR))


# --- conflicts ----------------------------------------------------------------------------------


def test_conflicts_are_400_with_what_is_there(site: Site) -> None:
    path = f"{POST}/{site.rkey}"
    known = {**site.record(text="new"), "rkey": site.rkey}
    head = site.get(f"com.atproto.sync.getLatestCommit?did={site.alice.did}").json["cid"]

    refused(site.write("createRecord", known), says=f"exists at {path}")
    for nsid in ("createRecord", "putRecord", "deleteRecord"):
        stale = site.write(nsid, {**known, "swapCommit": OTHER})
        refused(stale, 400, "InvalidSwap", f"Commit was at {head}")
    stale = batch(site, GOOD, swapCommit=OTHER)
    refused(stale, 400, "InvalidSwap", f"Commit was at {head}")
    for nsid, swap in (("putRecord", OTHER), ("putRecord", None), ("deleteRecord", OTHER)):
        stale = site.write(nsid, {**known, "swapRecord": swap})
        refused(stale, 400, "InvalidSwap", f"Record was at {site.cid}")
    absent = {**known, "rkey": "3jzfcijpj2z2a", "swapRecord": OTHER}
    for nsid in ("putRecord", "deleteRecord"):
        refused(site.write(nsid, absent), 400, "InvalidSwap", "Record was at null")
    same = site.record(text="the only post")
    refused(
        site.write("putRecord", {**same, "rkey": site.rkey, "swapRecord": OTHER}),
        400,
        "InvalidSwap",
    )


@pytest.fixture(scope="module")
def blob(shared_site: Site) -> dict[str, Any]:
    picture = b"\xff\xd8\xff\xe0" + bytes(500)
    reply = shared_site.write("uploadBlob", picture, Content_Type="image/jpeg")
    found: dict[str, Any] = reply.json["blob"]
    return found


def test_blob_that_is_not_what_was_uploaded_is_refused(blob: dict[str, Any], site: Site) -> None:
    def post(**changes: Any) -> Reply:
        images = [{"image": {**blob, **changes}, "alt": ""}]
        embed = {"$type": "app.bsky.embed.images", "images": images}
        return site.write("createRecord", site.record(embed=embed))

    refused(post(ref={"$link": RAW}), 400, "BlobNotFound", RAW)
    refused(post(ref={"$link": OTHER}), 400, "BlobNotFound", OTHER)
    refused(post(mimeType="image/png"), 400, "InvalidMimeType", "image/")
    refused(post(size=503), 400, "InvalidSize", "50")
    refused(post(size=2_000_001), 400, "InvalidRequest", "image")
    refused(post(mimeType="text/plain"), 400, "InvalidRequest", "image")
    loose = {"a": {**blob, "size": 1}}
    refused(site.write("createRecord", site.own(loose, validate=False)), 400, "InvalidSize")
    twice = {"a": [blob, {**blob, "mimeType": "a/b"}]}
    refused(site.write("createRecord", site.own(twice)), 400, "InvalidMimeType")
    of_bob = site.post(
        "com.atproto.repo.createRecord",
        {**site.own({"a": blob}), "repo": site.bob.did},
        site.bob.token,
    )
    refused(of_bob, 400, "BlobNotFound")
