"""Front servers that are set up by hand, with what the installer prints for them, word for word."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.fakes.certificates import Issuer
from tests.install.acme import add_packages
from tests.install.boxes import HOSTNAME, INSTALL, Box, bare_box, in_its_own_time, names_lead_here
from tests.install.front_battery import Front, run_battery, wait_for_port
from tests.server_process import ServerProcess

pytestmark = [
    in_its_own_time,
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
]
PEM = "/etc/ssl/hearth-box.pem"  # certificate and key


@dataclass
class Machine:
    """A box with a Hearth that nothing is in front of yet, and one account."""

    box: Box
    trust: ssl.SSLContext
    account: dict[str, str] = field(default_factory=dict)

    def printed(self, options: str) -> str:
        """What the installer shows for the server that has the ports now."""
        wait_for_port(80)
        said = self.box.install(f"--yes --skip-dns-check --dry-run --front print {options}")
        return said.partition("on to that\n")[2].partition("Nothing was done")[0]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("recipes")
    issuer = Issuer(folder)
    issuer.server(HOSTNAME, f"*.{HOSTNAME}")
    trust = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    with (
        ServerProcess(folder / "directory") as directory,
        bare_box() as box,
        pytest.MonkeyPatch.context() as patch,
        names_lead_here(patch),
    ):
        box.settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": ""}
        (box.folder / PEM[1:]).write_bytes((folder / "server.pem").read_bytes())
        box.install(f"{INSTALL} --tls none")
        # Later, since each takes the ports as soon as it is there.
        policy = box.folder / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        add_packages(box, "curl caddy nginx apache2 haproxy lighttpd lighttpd-mod-openssl")
        made = box.run(
            f"pdsadmin account create --handle alice.{HOSTNAME} --email a@hearth-box.org --json"
        )
        yield Machine(box, trust, json.loads(made))


def caddy(machine: Machine) -> None:
    file = machine.box.folder / "etc/caddy/Caddyfile"
    own = "blog.hearth-box.org {\n\ttls internal\n\trespond hello\n}\n"
    file.write_text(own)
    machine.box.run("systemctl start caddy")
    file.write_text(machine.printed("--tls internal") + own)
    machine.box.run("systemctl reload caddy")
    machine.trust = machine.box.trust()


def nginx(machine: Machine) -> None:
    machine.box.run("systemctl start nginx")
    text = machine.printed(f"--certificate {PEM} --certificate-key {PEM}")
    (machine.box.folder / "etc/nginx/sites-enabled/by-hand").write_text(text)
    machine.box.run("nginx -t 2>&1 && systemctl reload nginx")


def apache(machine: Machine) -> None:
    machine.box.run("systemctl start apache2")
    text = machine.printed(f"--certificate {PEM} --certificate-key {PEM}")
    (machine.box.folder / "etc/apache2/sites-enabled/by-hand.conf").write_text(text)
    modules = next(line for line in text.splitlines() if line.startswith("# Modules: "))
    machine.box.run(
        f"a2enmod -q {modules.removeprefix('# Modules: ')} && apache2ctl configtest 2>&1"
        " && systemctl restart apache2"
    )


def apache_with_a_process_for_each(machine: Machine) -> None:
    apache(machine)
    machine.box.run("a2dismod -q mpm_event && a2enmod -q mpm_prefork && systemctl restart apache2")


def haproxy(machine: Machine) -> None:
    file = machine.box.folder / "etc/haproxy/haproxy.cfg"
    as_packaged = file.read_text()
    file.write_text(
        f"{as_packaged}\nfrontend first\n    bind :80\n    http-request return status 404\n"
    )
    machine.box.run("systemctl start haproxy")
    text = machine.printed(f"--certificate {PEM} --certificate-key {PEM}")
    machine.box.run(f"cp {PEM} /etc/haproxy/hearth.pem")
    file.write_text(as_packaged + text)
    machine.box.run("haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy")


def lighttpd(machine: Machine) -> None:
    machine.box.run("systemctl start lighttpd")
    text = machine.printed(f"--certificate {PEM} --certificate-key {PEM}")
    (machine.box.folder / "etc/lighttpd/conf-enabled/99-hearth.conf").write_text(text)
    machine.box.run("lighttpd -tt -f /etc/lighttpd/lighttpd.conf && systemctl restart lighttpd")


@pytest.mark.parametrize(
    ("set_up", "unit"),
    [
        (caddy, "caddy"),
        (nginx, "nginx"),
        (apache, "apache2"),
        (apache_with_a_process_for_each, "apache2"),
        (haproxy, "haproxy"),
        (lighttpd, "lighttpd"),
    ],
)
def test_server_set_up_by_hand_does_all_that_hearth_needs(
    machine: Machine, set_up: Callable[[Machine], None], unit: str
) -> None:
    believed = machine.trust
    try:
        set_up(machine)
        account = machine.account
        port = int(machine.box.run("sed -n s/^PDS_PORT=//p /pds/pds.env"))
        run_battery(
            Front(
                machine.box,
                machine.trust,
                account["handle"],
                account["did"],
                account["password"],
                port,
                keeps_odd_paths=set_up is not lighttpd,
            )
        )
        version = machine.box.run(f"dpkg-query -W -f '${{Version}}' {unit}")
        print(f"{unit} {version}")
    finally:
        machine.trust = believed
        machine.box.run(f"systemctl stop {unit}")
