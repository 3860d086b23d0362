"""``pdsadmin doctor``: is everything right, and what to do where it is not?"""

from __future__ import annotations

import dataclasses
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from pds.cli.failures import Failure
from pds.cli.output import json_option, show
from pds.cli.site import Site
from pds.settings import path

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.doctor.fixing import Healing
    from pds.services.doctor.model import Finding, Outcome, Patient

STATUS: dict[Outcome, int] = {"ok": 0, "skipped": 0, "warn": 1, "bad": 2}
_MARKS: dict[Outcome, str] = {"ok": "ok", "skipped": "--", "warn": "warn", "bad": "BAD"}


@click.command()
@click.option("--all", "everything", is_flag=True, help="Show what is well, too.")
@click.option("--fix", is_flag=True, help="Heal what can be healed safely, then look again.")
@json_option
@click.pass_obj
def doctor(site: Site, *, everything: bool, fix: bool, as_json: bool) -> None:
    """Look whether everything is right, and say what to do where it is not.

    Exit status: 0 all is well, 1 something should be looked at, 2 something is broken.
    """
    from pds.services.doctor.checkup import worst

    findings, healing = _examine(site, fix=fix, as_json=as_json)
    if site.is_installed:
        findings = [_as_typed(finding) for finding in findings]
    outcome = worst(findings)
    value = {
        "outcome": outcome,
        "findings": [_value(finding) for finding in findings],
        "healed": healing.done,
        "notHealed": healing.failed,
    }
    lines = _text(findings, healing, everything=everything)
    if site.is_installed:
        lines[-1] = _found_from_anywhere(lines[-1])
    show(value, lines, as_json=as_json)
    sys.exit(STATUS[outcome])


def _examine(site: Site, *, fix: bool, as_json: bool) -> tuple[list[Finding], Healing]:
    from pds.services.doctor import fixing
    from pds.services.doctor.checks import CHECKS
    from pds.services.doctor.checkup import TELL_EVERY_S, Checkup
    from pds.services.doctor.model import Finding

    def tell(names: Sequence[str]) -> None:
        if not as_json:
            sys.stderr.write(f"looking at: {', '.join(names)}\n")

    said_at_s = time.monotonic()

    def say(what: str, done: int, total: int) -> None:
        nonlocal said_at_s
        if not as_json and time.monotonic() - said_at_s >= TELL_EVERY_S:
            said_at_s = time.monotonic()
            sys.stderr.write(f"{what}: {done} of {total}\n")

    healing = fixing.Healing()
    with ExitStack() as stack:
        try:
            patient, problems = stack.enter_context(_patient(site))
        except Failure as failure:
            if site.is_hidden:
                found = "this user may not read the settings of the server on this machine"
                return [Finding("settings", "bad", found, "sudo pdsadmin doctor")], healing
            remedy = _where_to_put_it_right(site)
            lines = failure.message.splitlines()
            return [Finding("settings", "bad", line, remedy) for line in lines], healing
        findings = Checkup(patient, CHECKS, tell).run()
        if fix:
            healing = fixing.heal(patient, findings, say)
            if healing.done:
                findings = Checkup(patient, CHECKS, tell).run()
        return [*problems, *findings], healing


def _where_to_put_it_right(site: Site) -> str:
    try:
        file = site.environment().get("PDS_ENV_FILE")
    except Failure:  # the file itself is what is wrong, and the message names it
        file = None
    if file is None:
        return "put it right where the settings are: docs/configuration.md"
    return f"put it right in {file}, then: sudo systemctl restart pds. docs/configuration.md"


@contextmanager
def _patient(site: Site) -> Iterator[tuple[Patient, list[Finding]]]:
    """The server as far as it can be opened, and what is wrong with the rest.

    Raises:
        Failure: not even its settings can be read.
    """
    from pds.services.clock import system_clock
    from pds.services.doctor.database import RESTORE
    from pds.services.doctor.model import Finding, Machine, Patient
    from pds.services.doctor.outside import Outside
    from pds.storage.database import is_damage

    file = site.environment().get("PDS_ENV_FILE")
    machine = Machine(path(file) if file else None)
    outside = Outside()
    with ExitStack() as stack:
        stack.callback(outside.close)
        problems: list[Finding] = []
        services: Services | None = None
        try:
            services = stack.enter_context(site.services())
            config = services.config
        except Failure as failure:
            if site.is_hidden:
                raise
            config = stack.enter_context(site.settings_alone())
            found, _, remedy = failure.message.rpartition("; ")
            if failure.__cause__ is not None and is_damage(failure.__cause__):
                found, remedy = f"the database cannot be used: {failure.__cause__}", RESTORE
            problems = [Finding("data", "bad", found or failure.message, remedy)]
        except Exception as error:  # noqa: BLE001 # whatever it is, the rest can be looked at
            config = stack.enter_context(site.settings_alone())
            what = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            remedy = "docs/troubleshooting.md#data"
            problems = [Finding("data", "bad", f"the data cannot be used: {what}", remedy)]
        problems += [
            Finding("settings", "warn", warning, "docs/configuration.md")
            for warning in config.warnings
        ]
        wanted_none = {name for name, raw in site.environment().items() if not raw.strip()}
        yield Patient(config, system_clock, outside, machine, services, wanted_none), problems


def _as_typed(finding: Finding) -> Finding:
    """With the remedy as it has to be typed where the server is installed."""
    remedy = re.sub(r"(?<!sudo )(?<!\S)pdsadmin (?=[a-z])", "sudo pdsadmin ", finding.remedy)
    return dataclasses.replace(finding, remedy=_found_from_anywhere(remedy))


def _found_from_anywhere(text: str) -> str:
    """Name the pages of this program by where they are on this machine."""
    from pds.environment import HERE

    current = HERE.parent / "current"  # what an update leads elsewhere
    folder = current if current.resolve() == HERE else HERE
    return re.sub(r"(?<!\S)docs/(?=[a-z]+\.md)", f"{folder}/docs/", text)


def _value(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "outcome": finding.outcome,
        "found": finding.found,
        "remedy": finding.remedy,
    }


def _text(findings: Sequence[Finding], healing: Healing, *, everything: bool) -> list[str]:
    from pds.services.doctor.model import OUTCOMES

    lines = [f"Healed: {what}." for what in healing.done]
    lines += [f"Not healed: {what}." for what in healing.failed]
    for finding in sorted(findings, key=lambda one: -OUTCOMES.index(one.outcome)):
        if finding.outcome in ("ok", "skipped") and not everything:
            continue
        lines.append(f"{_MARKS[finding.outcome]:4}  {finding.name}: {finding.found}")
        if finding.remedy:
            lines.append(f"      {finding.remedy}")
    count = {
        outcome: sum(finding.outcome == outcome for finding in findings) for outcome in OUTCOMES
    }
    summary = f"{count['ok']} things are well"
    if count["skipped"]:
        summary += f", {count['skipped']} not looked at"
    if count["bad"] or count["warn"]:
        lines.append(f"{count['bad']} to put right, {count['warn']} to look at; {summary}.")
        lines.append("docs/troubleshooting.md explains each by its name.")
    else:
        lines.append(f"Nothing to do: {summary}.")
    return lines
