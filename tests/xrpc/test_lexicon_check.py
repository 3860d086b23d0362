from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.cid import Cid
from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.validate import Validator
from pds.errors import InvalidRequestError
from pds.xrpc.lexicon_check import parse_query, read_input, read_params

CID = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator(Catalog.installed())


def test_parameters_are_typed_and_completed(validator: Validator) -> None:
    query = "repo=did%3Aplc%3Aewvi7nxzyoun6zhxrhs64oiz&collection=app.bsky.feed.post&reverse=true"

    assert read_params(validator, "com.atproto.repo.listRecords", query) == {
        "repo": "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
        "collection": "app.bsky.feed.post",
        "limit": 50,
        "reverse": True,
    }


@pytest.mark.parametrize(
    ("nsid", "query", "reason"),
    [
        ("com.atproto.sync.getRepo", "", "did"),
        ("com.atproto.sync.getRepo", "did=nonsense", "did"),
        ("com.atproto.sync.listRepos", "limit=1001", "limit"),
        ("com.atproto.sync.getRepo", "&".join(["a=1"] * 6_000), "too many"),
    ],
)
def test_wrong_parameters_name_the_culprit(
    validator: Validator, nsid: str, query: str, reason: str
) -> None:
    with pytest.raises(InvalidRequestError, match=reason):
        read_params(validator, nsid, query)


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("a=1&a=2&b=", {"a": ["1", "2"]}),
        ("a=%C3%A9", {"a": ["é"]}),
        ("a=" + "é".encode().decode("latin-1"), {"a": ["é"]}),
        ("a=x+y%2Bz", {"a": ["x y+z"]}),
        ("a=%FF", {"a": ["\ufffd"]}),
        ("a", {}),
        ("a;b=1", {"a;b": ["1"]}),
    ],
)
def test_query_strings_are_read_as_utf8(query: str, pairs: dict[str, list[str]]) -> None:
    assert parse_query(query) == pairs


def test_record_in_a_body_is_in_data_model_form(validator: Validator) -> None:
    body = (
        b'{"repo":"alice.test","collection":"app.bsky.feed.post","record":{"ref":{"$link":"'
        + CID.encode()
        + b'"},"raw":{"$bytes":"AQI="}}}'
    )

    record = read_input(validator, "com.atproto.repo.createRecord", body)["record"]

    assert record == {"ref": Cid.parse(CID), "raw": b"\x01\x02"}


def test_empty_body_is_an_empty_object(validator: Validator) -> None:
    assert read_input(validator, "com.atproto.server.deactivateAccount", b"") == {}


def test_record_as_deep_as_allowed_fits_into_every_method(validator: Validator) -> None:
    record: Any = b'{"a":' * 31 + b"{}" + b"}" * 31
    head = b'{"repo":"alice.test","writes":[{"$type":"com.atproto.repo.applyWrites#create",'
    body = head + b'"collection":"app.bsky.feed.post","value":' + record + b"}]}"

    assert read_input(validator, "com.atproto.repo.applyWrites", body)["repo"] == "alice.test"


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"[]",
        b"{}",
        b'{"handle": 1}',
        b'{"handle": "not a handle"}',
        b'{"handle": "alice.test", "handle": "bob.test"}',
        b'{"handle": {"$link": "nonsense"}}',
        b'{"$link": "' + CID.encode() + b'"}',
    ],
)
def test_wrong_bodies_are_refused(validator: Validator, body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        read_input(validator, "com.atproto.identity.updateHandle", body)
