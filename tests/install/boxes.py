"""A Debian with systemd in a folder, in which install.sh does what it does for real.

The folder lies in /var/tmp/hearth-boxes, where the bare system is kept for the next time. A box has
the network of whoever starts it, so only one is used at a time and its ports are this machine's.
Those who work in a network namespace of their own name their own folder in HEARTH_BOX_PLACE.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(__file__).with_name("debian-box")
PLACE = Path(os.environ.get("HEARTH_BOX_PLACE", "/var/tmp/hearth-boxes"))
HOSTNAME = "pds.hearth-box.org"
INSTALL = f"--yes --hostname {HOSTNAME} --email op@hearth-box.org --skip-dns-check --no-mail"
PORTS = (80, 443, 2019)
INSTALL_LIMIT_S = 600


# What takes minutes more than continuous integration has.
in_its_own_time = pytest.mark.skipif(
    os.environ.get("HEARTH_BOXES") != "1", reason="takes minutes; set HEARTH_BOXES=1"
)


def why_not() -> str | None:
    """What is missing for a box here."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("debootstrap", "unshare", "nsenter"):
        if shutil.which(program) is None:
            return f"needs {program}"
    return None


def taken_port() -> str | None:
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"port {port} is in use"
    return None


@dataclass
class Box:
    """A booted machine."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)  # in the environment of commands

    def run(self, command: str, *, fails: bool = False, limit_s: float = 60) -> str:
        """The output of a shell command inside, which must succeed, or must not."""
        done = self.attempt(command, limit_s=limit_s)
        said = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, f"{command}: {done.returncode}\n{said[-4000:]}"
        return said if fails else done.stdout

    def attempt(self, command: str, limit_s: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(TOOL), "run", str(self.folder), "bash", "-c", command],
            env={**os.environ, **self.settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )

    def install(self, options: str, *, fails: bool = False, tree: str = "hearth") -> str:
        """Start the installer of the copy of this project in the box, or of another one there."""
        command = f"cd /root/{tree} && ./install.sh server {options} 2>&1"
        return self.run(command, fails=fails, limit_s=INSTALL_LIMIT_S)

    def boot(self, *netns: str) -> None:
        call("boot", self.folder, *netns)

    def stop(self) -> None:
        call("stop", self.folder)

    def install_until(
        self, options: str, is_enough: Callable[[str], bool], tree: str = "hearth"
    ) -> bool:
        """Start the installer and pull the plug when a line of it is enough; else it has ended."""
        said: list[str] = []
        keeper = self.folder.with_suffix(".keeper").read_text().strip()
        init = int(subprocess.check_output(["pgrep", "--parent", keeper], text=True))
        words = [str(TOOL), "run", str(self.folder), f"/root/{tree}/install.sh", "server"]
        with subprocess.Popen(
            [*words, *options.split()],
            env={**os.environ, **self.settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if is_enough(line):
                    if " install " in line:
                        time.sleep(0.5)  # into the midst of what takes long
                    os.kill(init, signal.SIGKILL)
                    call("cut", self.folder)
                    return True
        assert process.returncode == 0, "".join(said[-40:])
        return False

    def file_list(self) -> str:
        """All files that an installer could have made or changed, with time and content."""
        places = "/etc /opt /usr/local /root /lib/systemd $(ls /pds/pds.env 2>/dev/null)"
        return self.run(
            f"find {places} -xdev -printf '%p %T@ %m %U %G %l\\n';"
            f" find {places} -xdev -type f -print0 | xargs -0 sha256sum"
        )

    def trust(self) -> ssl.SSLContext:
        """TLS that believes the authority of the Caddy in the box, and no other."""
        folder = self.folder / "var/lib/caddy/.local/share/caddy/pki/authorities/local"
        return ssl.create_default_context(cafile=str(folder / "root.crt"))


def call(verb: str, folder: Path, *more: str) -> None:
    done = subprocess.run(
        [str(TOOL), verb, str(folder), *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=INSTALL_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def bare_box() -> Iterator[Box]:
    """A booted Debian with nothing on it but a copy of this project in /root/hearth."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    PLACE.mkdir(exist_ok=True)
    folder = PLACE / "box"
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        call("destroy", folder)
        reason = taken_port()
        if reason is not None:
            pytest.skip(reason)
        call("create", folder)
        try:
            copy_project(folder / "root/hearth")
            call("boot", folder)
            yield Box(folder)
        finally:
            call("destroy", folder)


@contextmanager
def another_box(name: str) -> Iterator[Box]:
    """A second machine beside a ``bare_box``, in the same network, with nothing on it."""
    folder = PLACE / name
    call("destroy", folder)
    call("create", folder)
    try:
        call("boot", folder)
        yield Box(folder)
    finally:
        call("destroy", folder)


def copy_project(target: Path) -> None:
    shutil.copytree(
        ROOT,
        target,
        ignore=shutil.ignore_patterns(".*", "__pycache__", "data", "tests", "bench"),
    )


@contextmanager
def names_lead_here(monkeypatch: pytest.MonkeyPatch, address: str = "127.0.0.1") -> Iterator[None]:
    """In this process HOSTNAME and the names below it are at ``address``."""
    real = socket.getaddrinfo

    def look_up(host: object, *more: object, **how: object) -> object:
        is_ours = isinstance(host, str) and host.endswith(HOSTNAME)
        return real(address if is_ours else host, *more, **how)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        yield
