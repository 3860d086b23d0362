"""``pdsadmin logs``: the server's log, made readable and filtered."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import click

from pds.cli.failures import Failure
from pds.cli.output import json_option, show
from pds.cli.site import Site
from pds.environment import HERE

UNIT: Final = "pds"
NOTHING: Final = (
    "The journal has no lines of the service pds, or none so new, or you may not read it (sudo)."
    " A server that was started by hand writes to its terminal; if that goes to a file:"
    " pdsadmin logs --file FILE"
)
_LINE: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d) (?P<time>\d\d:\d\d:\d\d),\d+"
    r" (?P<level>[A-Z]+) (?P<name>\S+) (?P<text>.*)"
)
_PAIR: Final = re.compile(r'(\w+)=("[^"]*"|\S+)')
_REQUESTS: Final = "pds.requests"
_WORSE: Final = ("WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are shown."""

    errors: bool
    slow_ms: int | None
    about: tuple[str, ...]
    requests: bool


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines as they come.")
@click.option("--since", help='How far back: "1 hour ago", "yesterday", "2026-11-25 18:00".')
@click.option("--errors", is_flag=True, help="Only what went wrong: warnings, failed requests.")
@click.option("--slow", "slow_ms", type=int, help="Only requests that took this many ms or more.")
@click.option("--about", help="Only lines with this text, or about this account: an id, a handle.")
@click.option("--no-requests", is_flag=True, help="Only what the server says by itself.")
@json_option
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="Read this file instead of the journal; - is the standard input.",
)
@click.pass_obj
def logs(  # noqa: PLR0913 - one for each option
    site: Site,
    *,
    follow: bool,
    since: str | None,
    errors: bool,
    slow_ms: int | None,
    about: str | None,
    no_requests: bool,
    file: Path | None,
    as_json: bool,
) -> None:
    """Show the log: who asked for what, how long it took, what went wrong."""
    if file is not None and (since or follow):
        message = "--since and --follow are for the journal; leave them or --file out"
        raise click.UsageError(message)
    # Asked for before the log is read: it needs other rights than the database.
    texts = _names(site, about) if about else ()
    wanted = Wanted(errors, slow_ms, texts, requests=not no_requests)
    if as_json:
        if follow:
            message = "--follow never ends, so it makes no JSON document; leave one out"
            raise click.UsageError(message)
        show({"lines": list(parsed(_lines(file, since, follow=False), wanted))}, "", as_json=True)
        return
    try:
        for line in readable(_lines(file, since, follow=follow), wanted):
            click.echo(line)
    except KeyboardInterrupt:
        return


def readable(lines: Iterable[str], wanted: Wanted) -> Iterator[str]:
    """The lines that are wanted, for people. What belongs to a line (a traceback) stays with it."""
    is_shown = False
    for line in lines:
        text = line.rstrip("\n")
        found = _LINE.fullmatch(text)
        if found is None:
            if is_shown:
                yield text
            continue
        is_shown = _is_wanted(found, text, wanted)
        if is_shown:
            yield _told(found)


def parsed(lines: Iterable[str], wanted: Wanted) -> Iterator[dict[str, str]]:
    """The lines that are wanted, for programs: of a request also what it says by name."""
    for line in lines:
        found = _LINE.fullmatch(line.rstrip("\n"))
        if found is not None and _is_wanted(found, line, wanted):
            pairs = _PAIR.findall(found["text"]) if found["name"] == _REQUESTS else []
            yield {
                "time": f"{found['date']}T{found['time']}",
                "level": found["level"].lower(),
                "logger": found["name"],
                "text": found["text"],
                **{name: value.strip('"') for name, value in pairs},
            }


def _is_wanted(found: re.Match[str], text: str, wanted: Wanted) -> bool:
    is_request = found["name"] == _REQUESTS
    if is_request and not wanted.requests:
        return False
    pairs = dict(_PAIR.findall(found["text"])) if is_request else {}
    if wanted.slow_ms is not None and float(pairs.get("ms", "-1")) < wanted.slow_ms:
        return False
    if wanted.errors and found["level"] not in _WORSE and "error" not in pairs:
        return False
    lower = text.lower()
    return not wanted.about or any(name in lower for name in wanted.about)


def _names(site: Site, about: str) -> tuple[str, ...]:
    """``about``, and the DID and handle if it is an account's: requests are logged by DID.

    In a process of its own, since who opens the database goes on as its owner, who may not be
    allowed to read the journal.
    """
    command = [sys.executable, "-P", "-m", "pds.cli", "account", "info", "--json", "--", about]
    try:
        environ = {**site.environment(), "PYTHONPATH": str(HERE)}
    except Failure:  # who may read the journal need not be allowed to read the settings
        return (about.lower(),)
    found = subprocess.run(command, capture_output=True, check=False, env=environ)  # noqa: S603 # ourselves
    account = json.loads(found.stdout) if found.returncode == 0 else {}
    names = (about, account.get("did"), account.get("handle"))
    return tuple({name.lower() for name in names if name})


def _told(found: re.Match[str]) -> str:
    when = f"{found['date']} {found['time']}"
    if found["name"] != _REQUESTS:
        level = "" if found["level"] == "INFO" else f"{found['level'].lower()}: "
        return f"{when}  {level}{found['text']}"
    pairs = {name: value.strip('"') for name, value in _PAIR.findall(found["text"])}
    what = pairs.get("nsid") or pairs.get("path", "?")
    told = f"{when}  {pairs.get('status', '?')} {pairs.get('method', '?'):4} {what}"
    told += f"  {float(pairs.get('ms', '0')):.0f} ms"
    for name, word in (("error", ""), ("did", "by "), ("client_id", "app "), ("upstream", "via ")):
        if name in pairs:
            told += f"  {word}{pairs[name]}"
    return f"{told}  from {pairs.get('ip', '?')}  id {pairs.get('id', '?')}"


def _lines(file: Path | None, since: str | None, *, follow: bool) -> Iterator[str]:
    if file is not None:
        yield from _file_lines(file)
        return
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        message = (
            "there is no journal on this machine; name the file that the server's output goes"
            " to with --file"
        )
        raise Failure(message)
    command = [journalctl, "--unit", UNIT, "--output", "cat", "--no-pager", "--quiet"]
    command += ["--since", since] if since else ["--lines", "1000"]
    if follow:
        command.append("--follow")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:  # noqa: S603 # journalctl
        assert process.stdout is not None  # noqa: S101 # a pipe was asked for
        is_empty = True
        for line in process.stdout:
            is_empty = False
            yield line
    if is_empty and not process.returncode:
        click.echo(NOTHING, err=True)
    if process.returncode:
        message = f"journalctl ended with status {process.returncode}; try it with sudo"
        raise Failure(message)


def _file_lines(file: Path) -> Iterator[str]:
    stream: IO[str]
    if str(file) == "-":
        yield from sys.stdin
        return
    with file.open(encoding="utf-8", errors="replace") as stream:
        yield from stream
