from __future__ import annotations

from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.validate import Validator
from pds.xrpc.loading import load_methods


def test_every_method_is_where_its_name_says_and_has_a_lexicon() -> None:
    validator = Validator(Catalog.installed())

    methods = load_methods()

    assert methods
    for nsid, method in methods.items():
        *family, name = nsid.split(".")
        snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
        assert method.handler.__module__ == f"pds.xrpc.{'_'.join(family)}.{snake}"
        assert method.kind == validator.method_type(nsid)


def test_loading_twice_changes_nothing() -> None:
    assert load_methods() is load_methods()
