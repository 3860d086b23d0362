"""NSIDs and the repository paths made with them."""

from __future__ import annotations

import pytest

from pds.atproto.syntax.nsid import Nsid, is_nsid
from pds.atproto.syntax.repo_path import is_repo_path


def test_an_nsid_has_an_authority_and_a_name() -> None:
    nsid = Nsid.parse("app.Bsky.feed.getPosts")

    assert (nsid.authority, nsid.name) == ("feed.bsky.app", "getPosts")


def test_nsids_are_limited_to_317_characters() -> None:
    authority = "a" + ".b" * 126

    assert is_nsid(f"{authority}.{'c' * 63}")
    assert is_nsid("a." + "b." * 126 + "c" * 63)
    assert not is_nsid("a." + "b." * 127 + "c" * 63)
    assert not is_nsid(f"{authority}.{'c' * 64}")


def test_a_repo_path_is_a_collection_and_a_record_key() -> None:
    assert is_repo_path("app.bsky.feed.post/3jzfcijpj2z2a")
    assert is_repo_path("a.b.c/" + "k" * 512)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "app.bsky.feed.post",
        "app.bsky.feed.post/",
        "/self",
        "app.bsky.feed.post/a/b",
        "app.bsky.feed.post//a",
        "app.bsky.feed.post/..",
        "app.bsky.feed.post/a b",
        "app.bsky/self",
        "/app.bsky.feed.post/self",
        "app.bsky.feed.post/self\n",
        "a.b.c/" + "k" * 513,
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    assert not is_repo_path(path)
