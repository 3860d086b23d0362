"""The installer at a terminal of its own, answered as a person would: when it asks."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

COLUMNS = 80


class Terminal:
    """A program with a terminal for its input and output; Ctrl-C reaches it."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, limit_s: float = 60.0
    ) -> None:
        self.screen = ""
        self._limit_s = limit_s
        self._read_to = 0
        self._master, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (40, COLUMNS))
        # A session of its own, whose terminal this is: as after logging in.
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command],
            env=dict(environment),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        self._terminal = terminal  # kept open, so that it can be looked at in the end

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            os.write(self._master, b"\x03")
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        os.close(self._terminal)
        os.close(self._master)

    def wait_for(self, text: str) -> str:
        """What was shown since the last time, up to and with ``text``, however it is spaced."""
        pattern = re.compile(r"\s+".join(map(re.escape, text.split())))
        limit = time.monotonic() + self._limit_s
        while not (found := pattern.search(self.screen, self._read_to)):
            assert time.monotonic() < limit, f"no {text!r} in:\n{self.screen[self._read_to :]}"
            more = self._read(0.2)
            assert more or self._process.poll() is None, f"ended without {text!r}:\n{self.screen}"
        shown = self.screen[self._read_to : found.end()]
        self._read_to = found.end()
        return shown

    def answer(self, question: str, line: str) -> str:
        """Type a line when the question is there; what was shown until then."""
        shown = self.wait_for(question)
        time.sleep(0.1)  # people begin to type when the question is there
        os.write(self._master, line.encode() + b"\r")
        return shown

    def interrupt(self) -> None:
        """Press Ctrl-C as people do: again when nothing comes of it.

        bash does not hear one in the instant after it has shown a question.
        """
        for _ in range(5):
            os.write(self._master, b"\x03")
            limit = time.monotonic() + 2
            while time.monotonic() < limit:
                self._read(0.1)
                if self._process.poll() is not None:
                    return

    def end(self) -> int:
        """Wait for the end. The exit status; a signal's number below zero."""
        limit = time.monotonic() + self._limit_s
        while self._read(0.1) or self._process.poll() is None:
            assert time.monotonic() < limit, self.screen
        status = self._process.wait()
        return 128 - status if status > 128 else status

    @property
    def shows_what_is_typed(self) -> bool:
        flags: int = termios.tcgetattr(self._terminal)[3]
        return bool(flags & termios.ECHO) and bool(flags & termios.ICANON)

    @property
    def text(self) -> str:
        """All that was shown, with one space for whatever stands between words."""
        return " ".join(self.screen.split())

    def _read(self, wait_s: float) -> bool:
        if not select.select([self._master], [], [], wait_s)[0]:
            return False
        new = os.read(self._master, 65536).decode(errors="replace")
        self.screen += re.sub(r"\x1b\[\??[0-9;]*[a-zA-Z]", "", new).replace("\r", "")
        return True
