"""``pdsadmin account rescue``: bring an account here whose server is gone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pds.cli.failures import Failure
from pds.cli.move_in import (
    asked,
    moving_parts,
    report,
    say,
    settle_as,
    tell_blobs,
    told_to_go_on,
)
from pds.cli.output import json_option
from pds.cli.site import Site

if TYPE_CHECKING:
    from pds.atproto.crypto.keypair import PrivateKey
    from pds.services.moving_copy import Rescue
    from pds.services.moving_in import Lost


@click.command()
@click.argument("did")
@click.option(
    "--copy",
    "copy_path",
    type=click.Path(path_type=Path),
    required=True,
    help="A CAR file, or a folder with repo.car and pictures named by their CIDs.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, allow_dash=True),
    required=True,
    help="A file with the private half of a rotation key of the DID, in hex or as z…; - reads it.",
)
@click.option("--handle", help="The handle here. Default: the same name below the first domain.")
@click.option("--email", help="The owner's e-mail address.")
@click.option("--password", help="The password here. Default: a generated one.")
@click.option(
    "--without-missing", is_flag=True, help="Go on although the copy lacks pictures or videos."
)
@json_option
@click.pass_obj
def rescue(  # noqa: PLR0913 # one for each option
    site: Site,
    did: str,
    *,
    copy_path: Path,
    key_file: Path,
    handle: str | None,
    email: str | None,
    password: str | None,
    without_missing: bool,
    as_json: bool,
) -> None:
    """Bring the account DID here from a copy, with its owner's rotation key; no server is asked."""
    key = _read_key(key_file)  # before this goes on as the server's user
    with site.services() as services:
        from pds.services.moving_copy import Rescue, open_copy

        work = services.config.data_directory / "tmp"
        copy = open_copy(copy_path.resolve())
        arrival = Rescue(did, key, copy, moving_parts(services), work)
        name = handle or (arrival.old_handle() or "").partition(".")[0]
        account, new_password = settle_as(
            services,
            arrival,
            handle=lambda: name or asked("--handle", "Handle", None),
            email=lambda: asked("--email", "E-mail address", email),
            password=password,
        )
        with told_to_go_on():
            lost = _bring(arrival, without_missing=without_missing or account.is_active)
            if not account.is_active:
                if not arrival.points_here():
                    arrival.change_did()
                    say("The DID points here.")
                arrival.wake()
                say("It is active here.")
        report(services, arrival, new_password, lost, as_json=as_json)


def _read_key(file: Path) -> PrivateKey:
    from pds.atproto.crypto.did_key import InvalidKeyError
    from pds.atproto.crypto.keypair import PrivateKey

    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text(encoding="utf-8")
        return PrivateKey.from_text(text.strip())
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}"
        raise Failure(message) from error
    except (InvalidKeyError, UnicodeDecodeError) as error:
        message = f"{file} holds no private key; it is 64 hexadecimal digits, or z…"
        raise Failure(message) from error


def _bring(arrival: Rescue, *, without_missing: bool) -> list[Lost]:
    if arrival.account is None or not arrival.account.is_active:
        arrival.bring_repo()
        say(f"{arrival.check().indexed_records} records are here.")
        if not arrival.bring_preferences():
            say("The copy has no private settings.")
    lost = arrival.bring_blobs(tell_blobs)
    status = arrival.check()
    say(f"{status.imported_blobs} of {status.expected_blobs} pictures and videos are here.")
    if lost and not without_missing:
        message = (
            f"{len(lost)} pictures or videos are not in the copy; add them, or go on with"
            " --without-missing"
        )
        raise Failure(message)
    return lost
