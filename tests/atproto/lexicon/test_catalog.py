"""The installed Lexicon documents: found by NSID, read late, complete."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.checks import Compiler
from pds.atproto.lexicon.errors import InvalidValueError, LexiconError
from pds.atproto.lexicon.validate import Validator

BUILT_IN = [
    "app.bsky.actor.profile",
    "app.bsky.actor.status",
    "app.bsky.feed.generator",
    "app.bsky.feed.like",
    "app.bsky.feed.post",
    "app.bsky.feed.postgate",
    "app.bsky.feed.repost",
    "app.bsky.feed.threadgate",
    "app.bsky.graph.block",
    "app.bsky.graph.follow",
    "app.bsky.graph.list",
    "app.bsky.graph.listblock",
    "app.bsky.graph.listitem",
    "app.bsky.graph.starterpack",
    "app.bsky.graph.verification",
    "app.bsky.labeler.service",
    "app.bsky.notification.declaration",
    "chat.bsky.actor.declaration",
    "com.atproto.lexicon.schema",
    "com.germnetwork.declaration",
]
OFFICIAL = ("com.atproto.", "app.bsky.", "chat.bsky.", "tools.ozone.")


@pytest.fixture(scope="module")
def folder() -> Path:
    import importlib.util

    spec = importlib.util.find_spec("lexrpc")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "lexicons"


@pytest.fixture(scope="module")
def official(folder: Path) -> list[str]:
    names = [
        ".".join(path.relative_to(folder).with_suffix("").parts) for path in folder.rglob("*.json")
    ]
    return sorted(name for name in names if name.startswith(OFFICIAL))


def test_document_is_found_by_its_nsid() -> None:
    document = Catalog.installed().find("app.bsky.feed.post")

    assert document is not None
    assert document["id"] == "app.bsky.feed.post"


def test_document_in_a_folder_of_its_own_name_is_found() -> None:
    document = Catalog.installed().find("social.grain.photo")

    assert document is not None
    assert document["defs"]["main"]["type"] == "record"


def test_document_is_read_once() -> None:
    catalog = Catalog.installed()

    assert catalog.find("app.bsky.feed.like") is catalog.find("app.bsky.feed.like")


@pytest.mark.parametrize(
    "nsid",
    [
        "com.example.absent",
        "app.bsky.feed.Post",
        "app.bsky.feed.post.json",
        "app.bsky.feed",
        "app.bsky.feed.post#main",
        "../lexicons.app.bsky",
        "app/bsky/feed/post",
        "",
        "\0",
    ],
)
def test_name_without_a_document_finds_nothing(nsid: str) -> None:
    assert Catalog.installed().find(nsid) is None


def test_id_inside_the_file_decides(tmp_path: Path) -> None:
    (tmp_path / "com" / "example").mkdir(parents=True)
    path = tmp_path / "com" / "example" / "thing.json"
    catalog = Catalog({}, folder=tmp_path)

    path.write_text(json.dumps({"lexicon": 1, "id": "com.example.other", "defs": {}}))
    assert catalog.find("com.example.thing") is None

    path.write_text(json.dumps({"lexicon": 1, "id": "com.example.thing", "defs": {}}))
    assert catalog.find("com.example.thing") is not None


def test_nothing_is_read_before_it_is_needed(tmp_path: Path) -> None:
    catalog = Catalog({}, folder=tmp_path / "never made")

    validator = Validator(catalog)

    assert validator.method_type("com.example.thing") is None


def test_given_documents_go_first(tmp_path: Path) -> None:
    mine = {"lexicon": 1, "id": "com.example.thing", "defs": {}}

    assert Catalog({"com.example.thing": mine}, folder=tmp_path).find("com.example.thing") is mine


def test_package_is_not_imported() -> None:
    Catalog.installed().find("app.bsky.feed.post")

    assert "lexrpc" not in sys.modules


def test_official_documents_are_well_formed_and_compile(official: list[str]) -> None:
    catalog = Catalog.installed()
    compiler = Compiler(catalog)
    assert len(official) > 390

    for nsid in official:
        document = catalog.find(nsid)
        assert document is not None, nsid
        catalog.check_document(document)
        for name, definition in document["defs"].items():
            if definition["type"] in ("object", "array", "string", "record", "token"):
                compiler.named(f"{nsid}#{name}".removesuffix("#main"))


def test_official_references_lead_somewhere(official: list[str]) -> None:
    catalog = Catalog.installed()
    compiler = Compiler(catalog)
    text = json.dumps([catalog.find(nsid) for nsid in official])
    references = set()

    def collect(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if found.get("type") == "ref" and "#" in str(found["ref"]):
            references.add(str(found["ref"]))
        return found

    json.loads(text, object_pairs_hook=collect)
    absolute = {reference for reference in references if not reference.startswith("#")}

    assert len(absolute) > 50
    assert [name for name in absolute if compiler.find_definition(name) is None] == []


@pytest.mark.parametrize("collection", BUILT_IN)
def test_record_type_every_peer_knows_is_known(collection: str) -> None:
    with pytest.raises(InvalidValueError):  # and not that the type is unknown
        Validator(Catalog.installed()).check_record(collection, {})


def test_check_document_names_what_is_wrong() -> None:
    with pytest.raises(LexiconError, match=r"^id: must be an NSID$"):
        Catalog.check_document({"lexicon": 1, "id": "post", "defs": {"main": {}}})
