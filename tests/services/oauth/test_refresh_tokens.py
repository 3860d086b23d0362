from __future__ import annotations

import re
from pathlib import Path

from pds.config import Config
from pds.services.oauth.refresh_tokens import RefreshTokens, hash_of
from tests.factories import make_config


def test_a_refresh_token_follows_from_grant_and_number(config: Config) -> None:
    tokens = RefreshTokens(config)
    found = {tokens.token(grant_id, number) for grant_id in "ab" for number in range(20)}

    assert len(found) == 40
    assert all(re.fullmatch(r"ref-[0-9a-f]{64}", token) for token in found)
    assert tokens.token("a", 1) == RefreshTokens(config).token("a", 1)


def test_only_the_right_one_is_taken(config: Config, tmp_path: Path) -> None:
    tokens = RefreshTokens(config)
    token = tokens.token("a", 1)

    assert tokens.is_token(token, "a", 1)
    for other in ("", "é", "\ud800", token[:-1], token + "0", tokens.token("a", 2)):
        assert not tokens.is_token(other, "a", 1)
    with_new_secret = RefreshTokens(make_config(tmp_path, jwt_secret="another" * 8))
    assert not with_new_secret.is_token(token, "a", 1)


def test_what_is_stored_is_a_hash() -> None:
    assert hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_of("\ud800") == hash_of("?")  # not the form of any of ours
