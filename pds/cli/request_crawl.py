"""``pdsadmin request-crawl``: ask relays to come."""

from __future__ import annotations

import click

from pds.cli.failures import Failure
from pds.cli.output import facts, json_option, show
from pds.cli.site import Site


@click.command("request-crawl")
@click.argument("relays", nargs=-1)
@json_option
@click.pass_obj
def request_crawl(site: Site, relays: tuple[str, ...], *, as_json: bool) -> None:
    """Ask RELAYS, or those in PDS_CRAWLERS, to come and read what is posted here."""
    hosts = [host for relay in relays for host in relay.split(",") if host]
    with site.services() as services:
        reports = services.crawl_requests.request(hosts)
    if not reports:
        message = "no relay to ask; name one, or set PDS_CRAWLERS"
        raise Failure(message)
    lines = facts((report.relay, report.problem or "asked") for report in reports)
    value = [{"relay": report.relay, "problem": report.problem} for report in reports]
    show({"relays": value}, lines, as_json=as_json)
    deaf = [report.relay for report in reports if report.problem]
    if deaf:
        message = f"not asked: {', '.join(deaf)}; try again later"
        raise Failure(message)
