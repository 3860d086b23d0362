"""Import every method module once, so that each declares itself in ``METHODS``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

from pds.xrpc.method import METHODS, Method

_FAMILIES = ("com_", "app_")


def load_methods() -> Mapping[str, Method]:
    """Import the modules below ``pds/xrpc/com_*`` and ``pds/xrpc/app_*``; return all methods.

    Asking again is cheap: a module is only ever imported once.
    """
    here = Path(__file__).parent
    for family in pkgutil.iter_modules([str(here)]):
        if not (family.ispkg and family.name.startswith(_FAMILIES)):
            continue
        for module in pkgutil.iter_modules([str(here / family.name)]):
            importlib.import_module(f"pds.xrpc.{family.name}.{module.name}")
    return METHODS
