"""Hand one message to this machine's sendmail.

Most sendmails put a message into a queue that only they may write to, with rights that their file
lends to whoever starts them (set-user-ID, set-group-ID). A service that may gain no rights, as the
installed one, cannot do that: postfix's would try for ever. It is told beforehand.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from pds.network.mail_errors import (
    MailDelayedError,
    MailRefusedError,
    MailServerError,
    shortened,
)

SENDMAIL = "/usr/sbin/sendmail"
SENDMAIL_TIMEOUT_S = 60.0
IN_PLACE_OF_IT = "smtp://localhost:25?ignoreTLS=true"
"""The same mail server, asked over the network of this machine."""

# From sysexits.h: what sendmail's exit status says about the message rather than the machine.
_EX_REFUSED = (65, 67, 68)
_EX_TEMPFAIL = 75

_OWN_STATUS = Path("/proc/self/status")


def may_gain_no_rights(status: Path | None = None) -> bool:
    """Whether a process may not; ``status`` is its file in /proc, or this one's.

    Spec: proc_pid_status(5), NoNewPrivs
    """
    try:
        text = (status or _OWN_STATUS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(r"^NoNewPrivs:\s*1$", text, re.MULTILINE) is not None


def needs_rights(program: str = SENDMAIL) -> bool:
    """Whether it works only with rights that its file lends."""
    file = Path(program).resolve()
    # postfix's starts another program for that, which lies beside it
    return any(_lends_rights(one) for one in (file, file.with_name("postdrop")))


def _lends_rights(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & (stat.S_ISUID | stat.S_ISGID))
    except OSError:
        return False


def check_sendmail(program: str | None = None) -> None:
    """Whether it can be used by this process. Raises MailServerError."""
    program = program or SENDMAIL
    if not os.access(program, os.X_OK):
        message = f"{program} cannot be run"
        raise MailServerError(message)
    if needs_rights(program) and may_gain_no_rights():
        message = (
            f"this service may not gain the rights that {program} needs; set"
            f" PDS_EMAIL_SMTP_URL={IN_PLACE_OF_IT}"
        )
        raise MailServerError(message)


class SendmailTransport:
    """The local sendmail, which queues and retries by itself."""

    def __init__(self, program: str = SENDMAIL) -> None:
        self._program = program

    def send(self, message: EmailMessage) -> None:
        """As ``Transport.send``."""
        check_sendmail(self._program)
        self._hand_over(message)

    def _hand_over(self, message: EmailMessage) -> None:
        sender = message["From"].addresses[0].addr_spec
        recipient = message["To"].addresses[0].addr_spec
        try:
            # Without our environment: it holds the secrets.
            done = subprocess.run(  # noqa: S603 # no shell, and -- ends the options
                [self._program, "-i", "-f", sender, "--", recipient],
                input=message.as_bytes(policy=SMTP.clone(linesep="\n")),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                timeout=SENDMAIL_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            problem = f"{self._program} cannot be run: {error}"
            raise MailServerError(shortened(problem)) from error
        if done.returncode == 0:
            return
        said = done.stderr.decode("utf-8", "replace").strip()
        reason = shortened(f"sendmail ended with status {done.returncode} {said}")
        if done.returncode in _EX_REFUSED:
            raise MailRefusedError(reason)
        raise (MailDelayedError if done.returncode == _EX_TEMPFAIL else MailServerError)(reason)

    def abort(self) -> None:
        """It takes a moment only."""
