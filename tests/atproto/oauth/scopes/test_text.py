"""The parts of a scope's text: any value survives being written and read."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pds.atproto.oauth.scopes.text import ScopeText, read_scope_text, write_scope_text

values = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
named = st.lists(st.tuples(st.sampled_from(["accept", "aud"]), values), max_size=3).map(tuple)


@settings(deadline=None, max_examples=200)
@given(st.none() | values, named)
@example("%41", (("aud", "%41"),))
@example("image/svg+xml", (("accept", "image/svg+xml"),))
@example("a?b#c:d", (("aud", "a&b=c d"),))
def test_what_is_written_reads_back(
    positional: str | None, pairs: tuple[tuple[str, str], ...]
) -> None:
    text = write_scope_text("blob", positional, pairs)

    assert read_scope_text(text) == ScopeText("blob", positional, pairs)


def test_few_characters_are_escaped() -> None:
    assert write_scope_text("x", "*/:,@+", [("a", "*/:,@+#% ")]) == "x:*/:,@+?a=*/:,@%2B%23%25%20"
    assert write_scope_text("x", None) == "x"
    assert write_scope_text("x", "") == "x:"
