"""The installer's dialogue on a bare Debian, with a mail server that refuses the first password."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.mail_server import MailServer, mail_server
from tests.install.boxes import HOSTNAME, TOOL, Box, bare_box, in_its_own_time
from tests.install.terminal import Terminal
from tests.server_process import ServerProcess

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
    in_its_own_time,
]
INSTALL_LIMIT_S = 400.0
PASSWORD = "p@ss/w:rd#1"


def dialogue(box: Box, *options: str) -> Terminal:
    command = [str(TOOL), "run", str(box.folder), "/root/hearth/install.sh", "server", *options]
    return Terminal(command, {**os.environ, **box.settings}, limit_s=INSTALL_LIMIT_S)


def test_from_the_first_question_to_the_first_mail(tmp_path: Path) -> None:
    with (
        ServerProcess(tmp_path / "directory") as directory,
        mail_server(user="me@hearth-box.org", password=PASSWORD) as mail,
        bare_box() as box,
    ):
        box.settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": ""}
        before = box.file_list()
        _gives_up(box)
        assert box.file_list() == before

        _installs(box, mail)

        assert [message.recipients for message in mail.delivered] == [["op@hearth-box.org"]]
        assert "No codes are waiting" in box.run("pdsadmin account codes")
        settings, since = box.run("cat /pds/pds.env"), box.run("systemctl show pds -p MainPID")
        _keeps_everything(box)
        assert box.run("cat /pds/pds.env") == settings
        assert box.run("systemctl show pds -p MainPID") == since


def _gives_up(box: Box) -> None:
    with dialogue(box, "--skip-dns-check") as terminal:
        terminal.answer("Name of the server", HOSTNAME)
        terminal.wait_for("Your e-mail address")
        terminal.interrupt()
        terminal.wait_for("ended here; nothing was changed")
        terminal.end()
    with dialogue(box, "--skip-dns-check", "--no-mail", "--no-backup") as terminal:
        terminal.answer("Name of the server", HOSTNAME)
        terminal.answer("Your e-mail address", "op@hearth-box.org")
        terminal.answer("Go on? [y/N]", "n")
        terminal.wait_for("With the same answers: ./install.sh server --hostname")
        assert terminal.end() == 1


def _installs(box: Box, mail: MailServer) -> None:
    with dialogue(box, "--skip-dns-check", "--tls", "internal") as terminal:
        terminal.answer("Name of the server", HOSTNAME)
        terminal.answer("Your e-mail address", "op@hearth-box.org")
        terminal.answer("Mail [none]:", "own")
        terminal.answer("Name of the mail server", "127.0.0.1")
        terminal.answer("Its port [465]:", str(mail.port))
        terminal.answer("User there", "me@hearth-box.org")
        terminal.answer("Password", "wrong")
        terminal.answer("Sender of mail [me@hearth-box.org]:", "")
        terminal.answer("Backups [/var/backups/hearth]:", "")
        terminal.answer("Go on? [y/N]", "y")
        terminal.wait_for("fetched")  # progress is shown
        refusal = " ".join(terminal.answer("What now [again]:", "").split())
        terminal.answer("Mail [own]:", "")
        terminal.answer("Name of the mail server [127.0.0.1]:", "")
        terminal.answer(f"Its port [{mail.port}]:", "")
        terminal.answer("[me@hearth-box.org]:", "")
        terminal.answer("Password", PASSWORD)
        terminal.answer("Sender of mail", "")
        terminal.wait_for("The mail server has taken it")
        terminal.wait_for("Now make the first account")
        assert terminal.end() == 0
    assert "AUTH" in refusal
    assert "535" in refusal
    assert "Probably: user or password is wrong" in refusal


def _keeps_everything(box: Box) -> None:
    with dialogue(box, "--ask", "--skip-dns-check") as terminal:
        terminal.answer("Your e-mail address", "")
        terminal.answer("Mail [own]:", "")
        terminal.answer("Name of the mail server", "")
        terminal.answer("Its port", "")
        terminal.answer("User there", "")
        terminal.answer("Password", "")
        terminal.answer("Sender of mail", "")
        terminal.answer("Backups", "")
        terminal.wait_for("Nothing: all is as it should be")
        assert terminal.end() == 0
