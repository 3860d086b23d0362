"""``pdsadmin``, the operator's commands: ``.venv/bin/python -m pds.cli`` or ``./pdsadmin``.

They work on the database of the server on this machine, whether it is running or not, and need no
password: whoever may write the data may do all this.
"""

from __future__ import annotations

import logging
from pathlib import Path

import click

from pds.cli.lazy_group import LazyGroup
from pds.cli.site import Site

COMMANDS = {
    "account": "pds.cli.account:account",
    "invite": "pds.cli.invite:invite",
    "sign-up": "pds.cli.sign_up:sign_up",
    "doctor": "pds.cli.doctor:doctor",
    "request-crawl": "pds.cli.request_crawl:request_crawl",
    "backup": "pds.cli.backup:backup",
    "blobs": "pds.cli.blobs:blobs",
    "logs": "pds.cli.logs:logs",
    "mail": "pds.cli.mail:mail",
    "jobs": "pds.cli.jobs:jobs",
    "database": "pds.cli.database:database",
    "version": "pds.cli.version:version",
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The server's settings. Default: PDS_ENV_FILE, else /pds/pds.env, else local mode.",
)
@click.pass_context
def pdsadmin(context: click.Context, env_file: Path | None) -> None:
    """Look after the server on this machine, whether it is running or not."""
    logging.basicConfig(handlers=[logging.NullHandler()])  # failures are told, not logged
    context.obj = Site(env_file)


if __name__ == "__main__":
    pdsadmin(prog_name="pdsadmin")
