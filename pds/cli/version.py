"""``pdsadmin version``: which version is installed, which one runs, and whose the database is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pds import __version__
from pds.cli.output import facts, json_option, show
from pds.cli.site import Site

if TYPE_CHECKING:
    from pds.config import Config

_FOLDER = Path(__file__).resolve().parents[2]


@click.command()
@json_option
@click.pass_obj
def version(site: Site, *, as_json: bool) -> None:
    """Show which version is installed, and which one runs."""
    from pds.services.running_server import running_version

    with site.settings_alone() as config:
        running = running_version(config)
        missing, unknown = _compare(site, config)
    value = {
        "program": __version__,
        "folder": str(_FOLDER),
        "running": running,
        "missingSteps": missing,
        "unknownSteps": unknown,
    }
    text = [
        ("Program", f"Hearth {__version__}, in {_FOLDER}"),
        ("Server", "does not answer" if running is None else f"{running}, answers"),
        ("Database", _shape(missing, unknown)),
    ]
    show(value, facts(text), as_json=as_json)


def _compare(site: Site, config: Config) -> tuple[list[str] | None, list[str] | None]:
    """Nothing is known where there is no database yet."""
    from pds.local_secrets import DATABASE_NAME
    from pds.storage import migrate

    if not (config.data_directory / DATABASE_NAME).exists():
        return None, None
    with site.database(in_any_shape=True):
        return migrate.compare()


def _shape(missing: list[str] | None, unknown: list[str] | None) -> str:
    if missing is None or unknown is None:
        return "there is none yet"
    if unknown:
        return f"of a newer version, which has added {', '.join(unknown)}; update this program"
    if missing:
        return f"of an older version; the next start of the server adds {', '.join(missing)}"
    return "as this version has it"
