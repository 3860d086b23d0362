"""A public server with all that is around it, for the doctor to look at.

In front of it a TLS server with a certificate of an authority of our own, a name server, a DID
directory, a relay, a mail server. All are well, until a test changes something.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pds.config import Config
from pds.services import Services, build_services
from pds.services.backup.access import Outcome, remember_backup, remember_check
from pds.services.clock import Clock, system_clock
from pds.services.doctor.checks import CHECKS
from pds.services.doctor.checkup import Checkup
from pds.services.doctor.model import Finding, Machine, Patient
from pds.services.doctor.outside import Outside
from pds.storage import database, events
from tests.belongings import post
from tests.factories import Person, make_account, make_config
from tests.fakes.certificates import Issuer
from tests.fakes.dns_server import DnsServer, dns_server
from tests.fakes.front_server import FrontServer, front_server
from tests.fakes.mail_server import MailServer, mail_server
from tests.fakes.plc_directory import FakePlcDirectory
from tests.fakes.relay import FakeRelay
from tests.fakes.web_server import WebServer, web_server
from tests.stage import Stage, open_stage

HOST = "pds.example.com"
ADDRESSES = ("93.184.215.14", "2606:2800:21f::1")  # public ones; nobody is asked there
PASSWORD = "let me in"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Clinic:
    """``close_server``, and whatever else a test wants to break."""

    data: Path
    config: Config
    services: Services
    issuer: Issuer
    front: FrontServer
    dns: DnsServer
    dns_elsewhere: DnsServer
    plc: FakePlcDirectory
    plc_server: WebServer
    relay: FakeRelay
    mail: MailServer
    member: Person
    running: ExitStack
    clock: Clock = system_clock
    settings: dict[str, str] = field(default_factory=dict)
    settings_file: Path | None = None
    proc: Path = Path("/proc")
    without_database: bool = False
    own_addresses: tuple[str, str] = ("192.168.1.5", ADDRESSES[1])  # behind a router
    wanted_none: set[str] = field(default_factory=set)

    def examine(self) -> list[Finding]:
        """All that is found."""
        outside = self.outside()
        try:
            return Checkup(self.patient(outside), CHECKS, lambda _names: None).run()
        finally:
            outside.close()

    def outside(self) -> Outside:
        return Outside(
            self.issuer.client(),
            self.front.resolve,
            [self.dns.address],
            lambda address: self.own_addresses[":" in address],
            [self.dns_elsewhere.address],
        )

    def patient(self, outside: Outside) -> Patient:
        config = make_config(self.data, **self.settings)
        services = None if self.without_database else self.services
        machine = Machine(self.settings_file, self.proc)
        return Patient(config, self.clock, outside, machine, services, self.wanted_none)

    def wrong(self) -> dict[str, Finding]:
        """What is wrong, by its name."""
        found = self.examine()
        return {one.name: one for one in found if one.outcome in ("warn", "bad")}

    def stop(self) -> None:
        """Stop the server, not what is around it."""
        self.running.close()


@contextmanager
def open_clinic(tmp_path: Path, empty_database: Path) -> Iterator[Clinic]:
    """A healthy server with one member, who has posted a picture."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copyfile(empty_database, data / "pds.sqlite")
    (data / "pds.sqlite").chmod(0o600)
    issuer = Issuer(tmp_path)
    plc, relay = FakePlcDirectory(), FakeRelay()
    with ExitStack() as stack:
        directory, relay_server = (stack.enter_context(web_server()) for _ in range(2))
        directory.otherwise, relay_server.otherwise = plc.answer, relay.answer
        mail = stack.enter_context(mail_server("plain", user="pds", password=PASSWORD))
        names, elsewhere = (stack.enter_context(dns_server()) for _ in range(2))
        names.addresses = {HOST: list(ADDRESSES), f"*.{HOST}": list(ADDRESSES)}
        elsewhere.addresses = dict(names.addresses)
        port = free_port()
        settings = {
            "hostname": HOST,
            "port": str(port),
            "bind_address": "127.0.0.1",
            "did_plc_url": directory.url,
            "crawlers": relay_server.url,
            "invite_required": "false",
            "backup_location": str(tmp_path / "backups"),
            "email_smtp_url": f"smtp://pds:let%20me%20in@127.0.0.1:{mail.port}",
            "email_from_address": f"pds@{HOST}",
        }
        config = make_config(data, **settings)
        services = stack.enter_context(_open(config, data))
        running = stack.enter_context(ExitStack())
        running.enter_context(open_stage(services, port=port))
        front = stack.enter_context(front_server(port, issuer.server(HOST, f"*.{HOST}")))
        member = make_account(services, "alice", handle=f"alice.{HOST}")
        post(services, member, "a picture", blob=b"a picture")
        relay.seq = events.last_seq()
        _back_up()
        parts: dict[str, Any] = {"plc_server": directory, "settings": settings}
        yield Clinic(
            data, config, services, issuer, front, names, elsewhere, plc,
            relay=relay, mail=mail, member=member, running=running, **parts,
        )  # fmt: skip


@contextmanager
def _open(config: Config, data: Path) -> Iterator[Services]:
    database.open_database(data / "pds.sqlite")
    try:
        services = build_services(config)
        yield services
        services.close()
    finally:
        database.close_database()


def _back_up() -> None:
    now_us = time.time_ns() // 1_000
    remember_backup(Outcome(now_us, "2026-01-01", is_good=True, text=""))
    remember_check(Outcome(now_us, "2026-01-01", is_good=True, text=""))


__all__ = ["Clinic", "Stage", "open_clinic"]
