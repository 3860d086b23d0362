"""Every public vector of the string syntaxes, through the check and through the parser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pds.atproto.syntax.at_identifier import is_at_identifier
from pds.atproto.syntax.at_uri import AtUri, InvalidAtUriError, is_at_uri
from pds.atproto.syntax.cid_string import is_cid_string
from pds.atproto.syntax.datetime import Datetime, InvalidDatetimeError, is_datetime
from pds.atproto.syntax.did import Did, InvalidDidError, is_did
from pds.atproto.syntax.handle import Handle, InvalidHandleError, is_handle
from pds.atproto.syntax.language import is_language
from pds.atproto.syntax.nsid import InvalidNsidError, Nsid, is_nsid
from pds.atproto.syntax.record_key import InvalidRecordKeyError, RecordKey, is_record_key
from pds.atproto.syntax.tid import InvalidTidError, Tid, is_tid
from pds.atproto.syntax.uri import is_uri
from tests.vectors import INTEROP, load_lines

CHECKS: dict[str, Callable[[str], bool]] = {
    "atidentifier": is_at_identifier,
    "aturi": is_at_uri,
    "cid": is_cid_string,
    "datetime": is_datetime,
    "did": is_did,
    "handle": is_handle,
    "language": is_language,
    "nsid": is_nsid,
    "recordkey": is_record_key,
    "tid": is_tid,
    "uri": is_uri,
}
PARSERS: dict[str, tuple[Callable[[str], str], type[ValueError]]] = {
    "aturi": (AtUri.parse, InvalidAtUriError),
    "datetime": (Datetime.parse, InvalidDatetimeError),
    "did": (Did.parse, InvalidDidError),
    "handle": (Handle.parse, InvalidHandleError),
    "nsid": (Nsid.parse, InvalidNsidError),
    "recordkey": (RecordKey.parse, InvalidRecordKeyError),
    "tid": (Tid.parse, InvalidTidError),
}
# What other published copies of the vectors hold in addition.
MORE_VALID = {"tid": ["a222222222222", "j222222222222", "azzzzzzzzzzzz", "2222222222222"]}
MORE_INVALID = {
    "language": ["JA", "jaja", "de-419-DE"],
    "tid": ["3JZFCIJPJ2Z2A", "222", "k222222222222", "zzzzzzzzzzzzz"],
    "datetime": ["0000-01-01T00:00:00+01:00"],
}


def cases(name: str, *kinds: str) -> list[str]:
    files = [INTEROP / "syntax" / f"{name}_{kind}.txt" for kind in kinds]
    return [line for file in files for line in load_lines(file)]


def invalid_cases(name: str) -> list[str]:
    kinds = ["syntax_invalid"]
    if name in ("datetime", "language"):
        kinds.append("parse_invalid")
    return cases(name, *kinds) + MORE_INVALID.get(name, [])


@pytest.mark.parametrize("name", CHECKS)
def test_valid_vectors_pass(name: str) -> None:
    lines = cases(name, "syntax_valid") + MORE_VALID.get(name, [])

    assert lines
    assert [line for line in lines if not CHECKS[name](line)] == []


@pytest.mark.parametrize("name", CHECKS)
def test_invalid_vectors_are_refused(name: str) -> None:
    lines = invalid_cases(name)

    assert lines
    assert [line for line in lines if CHECKS[name](line)] == []


@pytest.mark.parametrize("name", CHECKS)
def test_blanks_and_newlines_around_valid_text_are_refused(name: str) -> None:
    for line in cases(name, "syntax_valid"):
        for spoiled in ("", line + "\n", "\n" + line, line + " ", "\u00a0" + line, line + "\x00"):
            assert not CHECKS[name](spoiled), repr(spoiled)


@pytest.mark.parametrize("name", PARSERS)
def test_parsers_keep_valid_text_as_it_is(name: str) -> None:
    parse, _ = PARSERS[name]

    for line in cases(name, "syntax_valid"):
        parsed = parse(line)
        assert parsed == line
        assert hash(parsed) == hash(line)
        assert type(parsed) is not str


@pytest.mark.parametrize("name", PARSERS)
def test_parsers_refuse_invalid_text_with_their_own_error(name: str) -> None:
    parse, error = PARSERS[name]

    for line in invalid_cases(name):
        with pytest.raises(error):
            parse(line)
