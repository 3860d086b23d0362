"""pdsadmin logs: what the server has written, for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Operator

LINES = """\
2026-11-25 20:00:01,100 INFO pds.web listening at https://pds.example.com (port 2583)
2026-11-25 20:00:02,200 INFO pds.requests id=aa11 method=GET path=/xrpc/com.atproto.server.getSession status=200 ms=1.2 bytes=312 ip=203.0.113.9 nsid=com.atproto.server.getSession did=did:plc:alice
2026-11-25 20:00:03,300 INFO pds.requests id=bb22 method=POST path=/xrpc/com.atproto.repo.createRecord status=400 ms=2.0 bytes=80 ip=203.0.113.9 nsid=com.atproto.repo.createRecord did=did:plc:alice error=InvalidRequest
2026-11-25 20:00:04,400 INFO pds.requests id=cc33 method=GET path=/xrpc/app.bsky.feed.getTimeline status=200 ms=2512.0 bytes=- ip=2001:db8::1 nsid=app.bsky.feed.getTimeline did=did:plc:bob client_id=https://app.example/client.json upstream=did:web:api.bsky.app#bsky_appview
2026-11-25 20:00:05,500 ERROR pds.web unexpected error in request dd44
Traceback (most recent call last):
  File "x.py", line 1
ValueError: no
2026-11-25 20:00:06,600 WARNING pds.disk the disk is filling up (warn): 1000 MiB of 9000 MiB are free
"""  # noqa: E501


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pds.log"
    path.write_text(LINES)
    return path


def told(operator: Operator, file: Path, *words: str) -> list[str]:
    found = operator.run("logs", "--file", str(file), *words)
    assert (found.exit_code, found.stderr) == (0, "")
    return found.stdout.splitlines()


def test_requests_say_who_asked_for_what_and_how_it_went(operator: Operator, file: Path) -> None:
    lines = told(operator, file)

    assert lines[1] == (
        "2026-11-25 20:00:02  200 GET  com.atproto.server.getSession  1 ms"
        "  by did:plc:alice  from 203.0.113.9  id aa11"
    )
    assert (
        "400 POST com.atproto.repo.createRecord  2 ms  InvalidRequest  by did:plc:alice" in lines[2]
    )
    assert "app https://app.example/client.json  via did:web:api.bsky.app#bsky_appview" in lines[3]


def test_errors_are_what_failed_with_all_that_belongs_to_it(operator: Operator, file: Path) -> None:
    lines = told(operator, file, "--errors")

    assert [line[:19] for line in lines if line.startswith("2026")] == [
        "2026-11-25 20:00:03",
        "2026-11-25 20:00:05",
        "2026-11-25 20:00:06",
    ]
    assert "ValueError: no" in lines
    assert lines[-1].endswith(
        "warning: the disk is filling up (warn): 1000 MiB of 9000 MiB are free"
    )


def test_slow_ones_are_requests_alone(operator: Operator, file: Path) -> None:
    [line] = told(operator, file, "--slow", "1000")

    assert "getTimeline" in line


def test_lines_about_somebody(operator: Operator, file: Path) -> None:
    assert len(told(operator, file, "--about", "DID:PLC:alice")) == 2
    assert len(told(operator, file, "--about", "dd44")) == 4


def test_an_account_is_found_by_its_handle_although_requests_name_its_did(
    operator: Operator, tmp_path: Path
) -> None:
    alice = operator.create("alice")
    log = tmp_path / "pds.log"
    log.write_text(LINES.replace("did:plc:alice", alice["did"]))

    assert len(told(operator, log, "--about", "ALICE.test")) == 2
    assert told(operator, log, "--about", "nobody.test") == []


def test_what_is_for_the_journal_alone_is_not_passed_over_in_silence(
    operator: Operator, file: Path
) -> None:
    for words in (["--since", "yesterday"], ["--follow"]):
        refused = operator.run("logs", "--file", str(file), *words)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "are for the journal" in refused.stderr


def test_journal_without_a_line_is_told(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journalctl = tmp_path / "bin/journalctl"
    journalctl.parent.mkdir()
    journalctl.write_text("#!/bin/sh\n")
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{journalctl.parent}:/usr/bin:/bin")

    found = operator.run("logs")

    assert (found.exit_code, found.stdout) == (0, "")
    assert "no lines of the service pds" in found.stderr


def test_without_requests_the_server_alone_speaks(operator: Operator, file: Path) -> None:
    assert not [line for line in told(operator, file, "--no-requests") if "did:plc" in line]


def test_what_a_real_server_writes_is_understood(operator: Operator, tmp_path: Path) -> None:
    from tests.server_process import ServerProcess

    with ServerProcess(tmp_path / "served") as server:
        account = server.create_account("alice")
        account.post("hello")
        server.stop()

    lines = told(operator, server.log, "--about", account.did)

    assert any("200 POST com.atproto.repo.createRecord" in line for line in lines)


def test_programs_get_what_is_said_by_name(operator: Operator, file: Path) -> None:
    found = operator.ask("logs", "--file", str(file), "--slow", "1000")["lines"]

    assert [line["did"] for line in found] == ["did:plc:bob"]
    assert found[0]["time"] == "2026-11-25T20:00:04"
    assert found[0]["ms"] == "2512.0"


def test_no_journal_is_told_with_the_next_step(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert "--file" in operator.fail("logs")
