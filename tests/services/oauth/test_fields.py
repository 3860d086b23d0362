from __future__ import annotations

from typing import Any

import pytest

from pds.oauth_errors import OAuthError
from pds.services.oauth.fields import fields_of, unique_fields


def test_json_is_read_as_a_form_would_hold_it() -> None:
    content = {"state": "é", "max_age": 3, "zero": 0, "nothing": None, "empty": ""}

    assert fields_of(content) == {"state": "é", "max_age": "3", "zero": "0"}


@pytest.mark.parametrize("value", [True, 1.5, ["a"], {"a": "b"}])
def test_other_values_are_refused_by_name(value: Any) -> None:
    with pytest.raises(OAuthError, match=r"^claims: must be a string$"):
        fields_of({"claims": value})


def test_each_field_comes_once() -> None:
    assert unique_fields([("a", "1"), ("b", ""), ("c", "1")]) == {"a": "1", "c": "1"}
    for pairs in ([("a", "1"), ("a", "1")], [("a", ""), ("a", "1")]):
        with pytest.raises(OAuthError, match=r"^a: comes more than once$"):
            unique_fields(pairs)


def test_long_names_are_not_sent_back_whole() -> None:
    with pytest.raises(OAuthError) as caught:
        fields_of({"x" * 10_000: True})

    assert len(caught.value.message) < 200
