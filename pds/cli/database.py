"""``pdsadmin database …``: the file itself."""

from __future__ import annotations

import click

from pds.cli.failures import Failure
from pds.cli.output import json_option, show
from pds.cli.site import Site


@click.group()
def database() -> None:
    """The database as a file."""


@database.command()
@json_option
@click.pass_obj
def migrate(site: Site, *, as_json: bool) -> None:
    """Bring an older database to this version, as a start of the server does."""
    from pds.storage import migrate as migrations
    from pds.storage.process_lock import AlreadyRunningError, ProcessLock

    applied: list[str] = []
    with site.database(in_any_shape=True) as config:
        migrations.check_not_newer()
        missing, _ = migrations.compare()
        if missing:
            try:
                lock = ProcessLock(config.data_directory / "pds.lock")
            except AlreadyRunningError as error:
                message = "the server is running; restart it instead, it does this at its start"
                raise Failure(message) from error
            try:
                applied = migrations.migrate()
            finally:
                lock.release()
    text = [f"Applied {name}." for name in applied] or "Nothing to do."
    show({"applied": applied}, text, as_json=as_json)
