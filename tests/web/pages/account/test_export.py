"""The copy of a member's data, as it is downloaded."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile

import pytest

from pds.errors import UpstreamFailureError
from tests.belongings import fill, post
from tests.member_tools import Member
from tests.stage import Stage

DOWNLOAD = "/export/download"


def test_copy_is_downloaded(member: Member) -> None:
    fill(member.stage.services, member.person)

    page = member.open(DOWNLOAD)

    assert page.status == 200
    assert page.headers["Content-Type"] == "application/zip"
    name = "alice.test-2026-09-21.zip"
    assert page.headers["Content-Disposition"] == f"attachment; filename={name}"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    with zipfile.ZipFile(io.BytesIO(page.body)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 4 + 3
        car = member.stage.services.repo_export.export(member.person.row)
        assert archive.read("repo.car") == car.file.read()


def test_page_leads_to_the_download(member: Member) -> None:
    assert member.open("/export").links["Download a copy"] == member.root + DOWNLOAD


def test_turn_is_given_back_by_who_only_looks(member: Member) -> None:
    """HEAD, and a client that leaves, must not shut the door for the next."""
    cookie = "; ".join(f"{name}={value}" for name, value in member.browser.cookies.items())
    headers = {"Cookie": cookie, "User-Agent": member.browser.user_agent}
    for _ in range(5):
        answer = member.stage.web.request("HEAD", member.root + DOWNLOAD, None, headers)
        assert (answer.status, answer.body) == (200, b"")

    assert member.open(DOWNLOAD).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_make_nobody_download(member: Member, site: str) -> None:
    page = member.browser.open(member.root + DOWNLOAD, site=site)

    assert page.status == 403
    assert b"PK" not in page.body


def test_old_browser_may_download(member: Member) -> None:
    member.browser.is_old = True

    assert member.open(DOWNLOAD).status == 200


def test_second_download_at_a_time_is_told_to_wait(member: Member) -> None:
    running = member.stage.services.data_export.begin(member.person.row)

    page = member.open(DOWNLOAD)

    assert page.status == 503
    assert "is being downloaded already" in page.text
    assert page.headers["Retry-After"] == "120"
    running.close()
    assert member.open(DOWNLOAD).status == 200


def test_slow_reader_gets_it_all_and_costs_no_memory(
    member: Member, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.services.blobs, "_upload_limit_bytes", 50_000_000)
    post(stage.services, member.person, "a long video", blob=bytes(40_000_000))
    cookie = "; ".join(f"{name}={value}" for name, value in member.browser.cookies.items())
    head = f"GET {member.root}{DOWNLOAD} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n"
    agent = f"User-Agent: {member.browser.user_agent}\r\nConnection: close\r\n\r\n"

    tracemalloc.start()
    with stage.web.connect() as sock:
        sock.sendall((head + agent).encode())
        time.sleep(0.5)  # the server has sent what fits into the buffers on the way
        assert [member.open().status for _ in range(8)] == [200] * 8
        size_bytes = 0
        while piece := sock.recv(1_000_000):
            size_bytes += len(piece)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert size_bytes > 40_000_000
    assert peak_bytes < 15_000_000


def test_downloads_have_a_budget(member: Member) -> None:
    member.stage.services.rate_limits.enabled = True

    answers = [member.open(DOWNLOAD) for _ in range(21)]

    assert [answer.status for answer in answers] == [200] * 20 + [429]


def test_download_that_fails_half_way_is_not_taken_for_whole(
    member: Member, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stage.services, member.person)

    def fail(*_: object) -> None:
        raise UpstreamFailureError

    with monkeypatch.context() as broken:
        broken.setattr(stage.services.blobs._store, "open", fail)
        with pytest.raises(Exception, match="IncompleteRead"):
            member.open(DOWNLOAD)

    assert member.open(DOWNLOAD).status == 200
