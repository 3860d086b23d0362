"""Name servers of other people's making in a box: knot has the zones, unbound asks it.

What is asked is never sent anywhere else: unbound takes knot for the root.
"""

from __future__ import annotations

from tests.install.boxes import Box

PACKAGES = "knot unbound"
RESOLVER = "127.0.0.1"
NOWHERE = "127.0.0.9"  # takes every question and says nothing
_AUTHORITY = "127.0.0.2"
_HEAD = (
    "$TTL 1\n@ SOA ns.hearth-dns.org. op.hearth-dns.org. 1 60 60 60 1\n@ NS ns.hearth-dns.org.\n"
)
_KNOT = """
server:
  listen: {authority}@53
database:
  storage: /run/knot
zone:
{zones}
"""
_UNBOUND = """
server:
  interface: {resolver}
  do-not-query-localhost: no
  module-config: "validator iterator"
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  local-zone: "{failing}" refuse
  trust-anchor: "{forged}. DS 12345 13 2 {digest}"
stub-zone:
  name: "."
  stub-addr: {authority}
stub-zone:
  name: "{silent}"
  stub-addr: {nowhere}
"""
_SILENT = """
use Socket;
socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die;
bind($socket, sockaddr_in(53, inet_aton("{nowhere}"))) or die;
sleep;
"""
FORGED, SILENT, FAILING = "forged.org", "silent.org", "failing.org"


def install_name_servers(box: Box) -> None:
    """Fetch them, for the next time the box is booted; they need no network then."""
    box.run(f"apt-get update && apt-get install -y --no-install-recommends {PACKAGES}", limit_s=300)
    # unbound's own way to the real root, and its place in the box's resolv.conf
    box.run("rm -f /etc/unbound/unbound.conf.d/* && systemctl disable unbound-resolvconf")


def set_zones(box: Box, zones: dict[str, str], forged: str = FORGED) -> None:
    """Let name servers know these and nothing else.

    zones: name → records as in a zone file. forged: the one whose signatures are taken for wrong.
    """
    etc = box.folder / "etc"
    for name, records in {".": "", **zones}.items():
        (etc / "knot" / f"zone-{name}").write_text(_HEAD + records)
    listed = "".join(
        f"  - domain: {name}\n    file: /etc/knot/zone-{name}\n" for name in (".", *zones)
    )
    (etc / "knot/knot.conf").write_text(_KNOT.format(authority=_AUTHORITY, zones=listed))
    (etc / "unbound/unbound.conf.d/box.conf").write_text(
        _UNBOUND.format(
            resolver=RESOLVER,
            authority=_AUTHORITY,
            forged=forged,
            digest="00" * 32,
            silent=SILENT,
            nowhere=NOWHERE,
            failing=FAILING,
        )
    )
    (box.folder / "root/silent.pl").write_text(_SILENT.format(nowhere=NOWHERE))
    box.run("systemctl is-active silent || systemd-run --quiet --unit silent perl /root/silent.pl")
    box.run("systemctl restart knot unbound")
    ask_at(box, RESOLVER)


def ask_at(box: Box, *name_servers: str) -> None:
    """Have the box ask there."""
    lines = "".join(f"nameserver {server}\n" for server in name_servers)
    (box.folder / "etc/resolv.conf").write_text(lines)
