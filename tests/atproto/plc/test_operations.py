"""did:plc operations: what we build, translate and hash."""

from __future__ import annotations

import copy

import pytest

from pds.atproto import plc
from tests.atproto.plc.builders import (
    HIGH,
    KEYS,
    LOW,
    SIGNING,
    STRANGER,
    Log,
    genesis,
)
from tests.vectors import PLC_LOGS, load_json


def test_known_cids_and_did_are_computed() -> None:
    rows = load_json(PLC_LOGS / "valid" / "log_bskyapp.json")

    assert plc.did_for(rows[0]["operation"]) == "did:plc:z72i7hdynmk6r22z27h6tvur"
    assert [str(plc.operation_cid(row["operation"])) for row in rows] == [
        "bafyreigp6shzy6dlcxuowwoxz7u5nemdrkad2my5zwzpwilcnhih7bw6zm",
        "bafyreihmuvr3frdvd6vmdhucih277prdcfcezf67lasg5oekxoimnunjoq",
    ]


def test_legacy_operation_is_translated_and_can_be_followed() -> None:
    rows = load_json(PLC_LOGS / "valid" / "log_legacy_dholms.json")
    legacy = rows[0]["operation"]

    modern = plc.normalize(legacy)
    update = plc.build_update(legacy, signer=LOW, rotation_keys=KEYS)

    assert modern["type"] == "plc_operation"
    assert modern["rotationKeys"] == [legacy["recoveryKey"], legacy["signingKey"]]
    assert modern["verificationMethods"] == {"atproto": legacy["signingKey"]}
    assert modern["alsoKnownAs"] == ["at://dan.bsky.social"]
    assert modern["services"]["atproto_pds"]["endpoint"] == "https://bsky.social"
    assert update["prev"] == rows[0]["cid"]
    assert "handle" not in update


def test_legacy_service_without_scheme_gets_one() -> None:
    rows = load_json(PLC_LOGS / "valid" / "log_legacy_dholms.json")
    legacy = rows[0]["operation"] | {"service": "bsky.social", "handle": "at://dan.bsky.social"}

    assert plc.normalize(legacy)["services"]["atproto_pds"]["endpoint"] == "https://bsky.social"
    assert plc.normalize(legacy)["alsoKnownAs"] == ["at://dan.bsky.social"]


def test_genesis_makes_its_did() -> None:
    did, operation = genesis()

    assert plc.did_for(operation) == did
    assert plc.accept_operation(did, [], operation, 0) == set()
    assert plc.data_of(did, operation) == {
        "did": did,
        "rotationKeys": KEYS,
        "verificationMethods": {"atproto": SIGNING.did_key},
        "alsoKnownAs": ["at://alice.example"],
        "services": {
            "atproto_pds": {
                "type": "AtprotoPersonalDataServer",
                "endpoint": "https://pds.example",
            }
        },
    }


def test_genesis_needs_a_rotation_key_as_signer() -> None:
    with pytest.raises(plc.InvalidOperationError):
        plc.build_genesis(
            rotation_keys=KEYS,
            signing_key=SIGNING.did_key,
            handle="alice.example",
            pds_endpoint="https://pds.example",
            signer=STRANGER,
        )


def test_update_changes_what_is_given_and_keeps_the_rest() -> None:
    log = Log()
    first = log.entries[0].operation
    untouched = copy.deepcopy(first)
    services = {"other": {"type": "Other", "endpoint": "https://other.example"}}

    update = plc.build_update(first, signer=HIGH, verification_methods={}, services=services)

    assert log.add(update) == set()
    assert update["prev"] == log.entries[0].cid
    assert update["services"] == services
    assert update["verificationMethods"] == {}
    assert update["rotationKeys"] == KEYS
    assert update["alsoKnownAs"] == ["at://alice.example"]
    assert first == untouched
