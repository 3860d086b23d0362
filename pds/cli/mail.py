"""``pdsadmin mail …``: whether mail goes out."""

from __future__ import annotations

import click

from pds.cli.failures import Failure
from pds.cli.output import json_option, show
from pds.cli.site import Site


@click.group()
def mail() -> None:
    """Mail: whether it goes out."""


@mail.command()
@click.option("--to", "to", help="Where it goes. Default: the operator's address.")
@json_option
@click.pass_obj
def test(site: Site, to: str | None, *, as_json: bool) -> None:
    """Send a test message now and show what the mail server says."""
    from pds.services.clock import system_clock
    from pds.services.mail_trial import try_mail

    dialogue: list[str] = []

    def tell(line: str) -> None:
        dialogue.append(line)
        if not as_json:
            click.echo(f"  {line}")

    with site.settings_alone() as config:
        recipient = to or config.contact_email_address or ""
        if not recipient and config.email_smtp_url:
            message = "say where it goes with --to, or set PDS_CONTACT_EMAIL_ADDRESS"
            raise Failure(message)
        failure = try_mail(config, system_clock, recipient, tell)
    if failure is not None:
        cause = failure.cause or "ask the provider what it means"
        message = f"the message was not taken: {failure.reason}. Probably: {cause}"
        raise Failure(message)
    text = (
        f"The mail server has taken it. Look into the mailbox of {recipient}, and its spam folder."
    )
    show({"to": recipient, "dialogue": dialogue}, text, as_json=as_json)
