"""``pdsadmin account move-in``: bring an account here from the server where it lives now."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pds.cli.accounts import describe, name_of
from pds.cli.failures import Failure
from pds.cli.new_password import chosen_password
from pds.cli.output import RULE, facts, is_terminal, json_option, show
from pds.cli.site import Site
from pds.settings import url

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.moving_in import Arrival, Lost, Mover, MovingIn, Parts
    from pds.storage.accounts import AccountRow

_AGAIN = "Nothing is lost: give the same command again to go on."
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Given:
    """What was said on the command line; what is missing is asked for at a terminal."""

    old_password: str | None
    sign_in_code: str | None
    code: str | None
    handle: str | None
    email: str | None
    password: str | None
    rotation_keys: tuple[str, ...]
    without_missing: bool


@click.command("move-in")
@click.argument("who")
@click.option("--from", "origin", help="Address of the old server. Default: what the DID says.")
@click.option("--old-password", help="The password there; - reads it from the standard input.")
@click.option("--sign-in-code", help="The code of the old server for signing in, if it wants one.")
@click.option("--code", help="The code of the old server for changing the DID, from its mail.")
@click.option("--handle", help="The handle here. Default: the same name, or the same domain.")
@click.option("--email", help="The e-mail address here. Default: that at the old server.")
@click.option("--password", help="The password here. Default: a generated one.")
@click.option(
    "--rotation-key",
    "rotation_keys",
    multiple=True,
    help="A rotation key of the member's own, as did:key, that the DID is to have in front.",
)
@click.option(
    "--without-missing", is_flag=True, help="Go on although pictures or videos did not come."
)
@json_option
@click.pass_obj
def move_in(site: Site, /, who: str, *, origin: str | None, as_json: bool, **options: Any) -> None:
    """Bring the account of WHO, a handle or DID, here from the server where it lives."""
    given = Given(**options)
    if origin is not None:
        try:
            origin = url(origin)
        except ValueError as error:
            message = f'--from: "{origin}" {error}'
            raise click.UsageError(message) from error
    with site.services() as services, _moving(services) as moving:
        mover = moving.find(who, origin)
        _sign_in(mover, given)
        account, password = _settle(services, mover, given)
        with told_to_go_on():
            lost = _bring(mover, given, is_active=account.is_active)
            if not account.is_active:
                _change_did(mover, given)
                mover.wake()
                say("It is active here.")
            _leave(mover)
        report(services, mover, password, lost, as_json=as_json)


@contextmanager
def _moving(services: Services) -> Iterator[MovingIn]:
    from pds.network.streaming_client import StreamingClient
    from pds.services.moving_in import Limits, MovingIn

    config = services.config
    private_too = config.is_local or config.disable_ssrf_protection
    with closing(StreamingClient(allow_private=private_too)) as client:
        yield MovingIn(
            moving_parts(services),
            client,
            config.data_directory / "tmp",
            Limits(config.max_repo_import_size, config.blob_upload_limit),
            _wait,
        )


def moving_parts(services: Services) -> Parts:
    """What the services of this server give to a move."""
    from pds.services.moving_in import Parts

    return Parts(
        services.identity,
        services.handles,
        services.accounts,
        services.repo_import,
        services.blobs,
        services.preferences,
        services.plc_operations,
    )


def _wait(seconds: float) -> None:
    say(f"The old server was asked too often; going on in {seconds:.0f} seconds.")
    time.sleep(seconds)


def _sign_in(mover: Mover, given: Given) -> None:
    from pds.services.moving_in import SecondFactorError

    if given.old_password == "-":  # noqa: S105 # no password
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        question = f"Password at {mover.home.origin} (no app password)"
        password = asked("--old-password", question, given.old_password, hide=True)
    try:
        mover.log_in(password, given.sign_in_code)
    except SecondFactorError:
        question = "Code for signing in, which the old server has just sent by mail"
        mover.log_in(password, asked("--sign-in-code", question, None))


def _settle(services: Services, mover: Mover, given: Given) -> tuple[AccountRow, str | None]:
    def handle() -> str:
        kept = mover.old_handle if mover.keeps_handle() else mover.old_handle.partition(".")[0]
        return given.handle or kept

    def email() -> str:
        return given.email or mover.old_email or asked("--email", "E-mail address", None)

    return settle_as(services, mover, handle=handle, email=email, password=given.password)


def settle_as(
    services: Services,
    arrival: Arrival,
    *,
    handle: Callable[[], str],
    email: Callable[[], str],
    password: str | None,
) -> tuple[AccountRow, str | None]:
    """The account here and, if it is new, its password. Only for a new one is anything asked."""
    from pds.services.account_listing import complete_handle

    account = arrival.account
    if account is not None:
        say(f"{name_of(account)} is known here; going on.")
        return account, None
    full_handle = complete_handle(handle(), services.config.service_handle_domains)
    first_password = chosen_password(password)
    account = arrival.settle(full_handle, email(), first_password)
    services.sessions.end_all(account.id)  # sign-up starts one, which nobody holds
    say(f"{full_handle} has a place here, inactive until the end.")
    return account, first_password


def _bring(mover: Mover, given: Given, *, is_active: bool) -> list[Lost]:
    if not is_active:
        say("Fetching records …")
        mover.bring_repo()
        say(f"{mover.check().indexed_records} records are here.")
        _bring_preferences(mover)
    lost = mover.bring_blobs(tell_blobs)
    status = mover.check()
    say(f"{status.imported_blobs} of {status.expected_blobs} pictures and videos are here.")
    for one in lost[:_SHOWN]:
        say(f"  did not come: {one.cid}: {one.reason}")
    there = mover.old_record_count()
    if there is not None and there != status.indexed_records:
        say(f"The old server counts {there} records, this one {status.indexed_records}.")
    is_whole = not lost and there in (None, status.indexed_records)
    if not is_whole and not is_active and not given.without_missing:
        message = (
            "not everything came (see above; PDS_BLOB_UPLOAD_LIMIT bounds what is too large)."
            " To go on without it, add --without-missing"
        )
        raise Failure(message)
    return lost


def _leave(mover: Mover) -> None:
    """The account lives here by now, whatever the old server says to that."""
    from pds.errors import PdsError

    try:
        mover.leave()
    except PdsError as error:
        say(f"The old server does not make it inactive there: {error.message}")
        say(f"Do that there yourself, or give the command again with --from {mover.home.origin}")
    else:
        say("It is inactive at the old server. Delete it there when all is well for some days.")


def _bring_preferences(mover: Mover) -> None:
    """No reason to stay away: most of them are set anew in a minute."""
    from pds.errors import PdsError

    try:
        mover.bring_preferences()
    except PdsError as error:
        say(f"The settings of apps did not come: {error.message}")


def _change_did(mover: Mover, given: Given) -> None:
    if mover.points_here():
        return
    document = mover.wanted_document(given.rotation_keys)
    if not mover.did.startswith("did:plc:"):
        key = document["verificationMethods"]["atproto"].removeprefix("did:key:")
        message = (
            f"{mover.did} is its owner's own file: let it say {document['alsoKnownAs'][0]},"
            f" the key {key} and the server {document['services']['atproto_pds']['endpoint']},"
            f" then go on with --from {mover.home.origin}"
        )
        raise Failure(message)
    for key in mover.unclaimed_keys():
        if key not in given.rotation_keys:
            say(f"The DID loses the rotation key {key}. If it is the member's own, stop")
            say(f"here and begin again with --rotation-key {key}")
    if given.code is None:
        mover.ask_code()
        say("The old server has sent a code by mail. With it, the DID will point here:")
        say("from then on the account lives here.")
    mover.change_did(asked("--code", "Code", given.code), document)
    say("The DID points here.")


def tell_blobs(done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        say(f"{done} of {total} pictures and videos")


def report(
    services: Services,
    arrival: Arrival,
    password: str | None,
    lost: list[Lost],
    *,
    as_json: bool,
) -> None:
    """Say what there is now. password: of an account that is new here."""
    status, account = arrival.check(), services.accounts.get_account(arrival.did)
    pairs = [
        ("Handle", name_of(account)),
        ("DID", account.did),
        ("E-mail", account.email or ""),
        ("Records", str(status.indexed_records)),
        ("Blobs", f"{status.imported_blobs}, {len(lost)} missing"),
    ]
    end = [RULE]
    if password is not None:
        pairs.append(("Password", password))
        end.append("Save this password, it is not shown again.")
    value = {
        **describe(account),
        "password": password,
        "records": status.indexed_records,
        "blobs": status.imported_blobs,
        "lostBlobs": [{"cid": one.cid, "reason": one.reason} for one in lost],
    }
    show(value, [RULE, *facts(pairs), *end], as_json=as_json)


@contextmanager
def told_to_go_on() -> Iterator[None]:
    """Whatever fails now can be gone on with."""
    try:
        yield
    except OSError as error:  # of what is on its way: a full disk
        say(_AGAIN)
        message = f"{error.strerror or error}; look at the disk of the data"
        raise Failure(message) from error
    except BaseException:
        say(_AGAIN)
        raise


def asked(option: str, question: str, given: str | None, *, hide: bool = False) -> str:
    if given:
        return given
    if not is_terminal():
        message = f"nobody can be asked here: give {option}"
        raise Failure(message)
    answer: str = click.prompt(question, err=True, hide_input=hide)
    return answer


def say(text: str) -> None:
    click.echo(text, err=True)
