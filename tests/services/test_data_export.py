"""A member's copy of everything: complete, private, one at a time, flat in memory."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.cid import cid_for_raw
from pds.errors import RepoNotFoundError, UpstreamFailureError
from pds.services import Services
from pds.services.data_export import AT_ONCE, Download, ExportBusyError, OwnExportBusyError
from pds.services.record_writes import Write
from pds.storage import accounts, blobs, database
from tests.belongings import CREATED_AT, POST, fill, post
from tests.blob_stage import JPEG, PNG
from tests.factories import Person, StillClock, make_account

MEGABYTE = 1_000_000


def whole(download: Download) -> bytes:
    content = b"".join(download)
    download.close()
    return content


def opened(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(set(names)) == len(names)
        return {name: archive.read(name) for name in names}


def export(services: Services, person: Person) -> dict[str, bytes]:
    return opened(whole(services.data_export.begin(person.row)))


def refer(services: Services, person: Person, *blobs_: tuple[bytes, str]) -> None:
    """Let a record use each of these blobs."""
    for content, mime_type in blobs_:
        ref = services.blobs.upload(person.row, io.BytesIO(content), mime_type)
        value: dict[str, Any] = {"$type": POST, "text": "", "createdAt": CREATED_AT}
        value["attached"] = ref.to_value()
        write = Write("create", POST, services.repos.next_rkey(), value)
        services.repos.apply_writes(person.row, [write])


def file_of(services: Services, person: Person, content: bytes) -> Path:
    folder = services.config.data_directory / "blobs" / person.did
    return folder / str(cid_for_raw(content))


# --- what is in it -------------------------------------------------------------------------------


def test_export_holds_repo_settings_and_blobs_of_this_member_alone(
    services: Services, alice: Person, bob: Person, clock: StillClock
) -> None:
    fill(services, alice)
    fill(services, bob)
    settings = [{"$type": "app.bsky.actor.defs#adultContentPref", "enabled": False}]
    services.preferences.put(alice.row, settings, full_access=True)

    found = export(services, alice)

    texts = [f"{alice.did} {number}".encode() for number in range(3)]
    pictures = {f"blobs/{cid_for_raw(text)}.txt": text for text in texts}
    others = {"README.txt", "account.json", "preferences.json", "repo.car"}
    assert set(found) == {*others, *pictures}
    assert {name: found[name] for name in pictures} == pictures
    car = services.repo_export.export(alice.row)
    assert found["repo.car"] == car.file.read()
    assert json.loads(found["preferences.json"]) == settings
    account = json.loads(found["account.json"])
    assert account["did"] == alice.did
    assert account["email"] == alice.email
    assert alice.did in found["README.txt"].decode()
    assert b"scrypt" not in found["account.json"]


def test_file_is_named_after_the_member_and_the_day(services: Services, alice: Person) -> None:
    download = services.data_export.begin(alice.row)
    download.close()

    assert download.name == "alice.test-2026-09-21.zip"


@pytest.mark.parametrize(
    ("content", "mime_type", "ending"),
    [
        (JPEG, "image/jpeg", ".jpg"),
        (PNG, "image/png", ".png"),
        (b"who knows", "application/x-unheard-of", ""),
    ],
)
def test_blob_has_the_ending_of_its_type(
    services: Services, alice: Person, content: bytes, mime_type: str, ending: str
) -> None:
    refer(services, alice, (content, mime_type))

    assert export(services, alice)[f"blobs/{cid_for_raw(content)}{ending}"] == content


def test_blob_that_two_records_use_is_there_once(services: Services, alice: Person) -> None:
    refer(services, alice, (JPEG, "image/jpeg"), (JPEG, "image/jpeg"), (b"", "text/plain"))

    names = [name for name in export(services, alice) if name.startswith("blobs/")]

    assert len(names) == 2


def test_many_blobs_are_all_there(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pds.services.data_export._PAGE", 2)
    texts = [f"picture {number}".encode() for number in range(7)]
    refer(services, alice, *((text, "text/plain") for text in texts))

    found = export(services, alice)

    assert {found[name] for name in found if name.startswith("blobs/")} == set(texts)


def test_blobs_that_are_not_here_are_named_and_the_rest_is_sent(
    services: Services, alice: Person
) -> None:
    texts = [b"lost by the disk", b"taken down", b"kept"]
    refer(services, alice, *((text, "text/plain") for text in texts))
    file_of(services, alice, texts[0]).unlink()
    with database.transaction():
        blobs.set_takedown(alice.row.id, cid_for_raw(texts[1]), "ref")

    found = export(services, alice)

    missing = found["missing.txt"].decode().split()
    assert sorted(missing) == sorted(str(cid_for_raw(text)) for text in texts[:2])
    assert [found[name] for name in found if name.startswith("blobs/")] == [b"kept"]


def test_deactivated_member_may_take_the_data_along(services: Services, alice: Person) -> None:
    fill(services, alice)
    services.accounts.deactivate(alice.did, None)

    found = export(services, alice)

    assert len(found) == 7
    assert json.loads(found["account.json"])["deactivatedAt"] == alice.row.deactivated_at


# --- turns ---------------------------------------------------------------------------------------


def test_member_has_one_download_at_a_time(services: Services, alice: Person, bob: Person) -> None:
    first = services.data_export.begin(alice.row)
    next(first)

    with pytest.raises(OwnExportBusyError):
        services.data_export.begin(alice.row)
    other = services.data_export.begin(bob.row)

    first.close()
    other.close()
    export(services, alice)


def test_few_downloads_run_at_once(services: Services, alice: Person) -> None:
    others = [make_account(services, f"friend{number}") for number in range(AT_ONCE)]
    running = [services.data_export.begin(person.row) for person in others]

    with pytest.raises(ExportBusyError) as caught:
        services.data_export.begin(alice.row)
    assert not isinstance(caught.value, OwnExportBusyError)
    assert caught.value.retry_after == "120"

    running[0].close()
    running[0].close()  # twice frees one turn only
    export(services, alice)
    last = services.data_export.begin(alice.row)
    with pytest.raises(ExportBusyError):
        services.data_export.begin(others[0].row)
    for download in (*running, last):
        download.close()


def test_download_that_is_broken_off_lets_go_of_everything(
    services: Services, alice: Person, tmp_path: Path
) -> None:
    fill(services, alice)
    refer(services, alice, (bytes(300_000), "text/plain"))
    download = services.data_export.begin(alice.row)
    for _ in range(6):
        next(download)

    download.close()

    assert list((tmp_path / "tmp").iterdir()) == []
    assert len(export(services, alice)) == 8


def test_failing_store_breaks_the_download_off_and_gives_the_turn_back(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(services, alice, "one", blob=b"a picture")

    def fail(*_: object) -> None:
        raise UpstreamFailureError

    with monkeypatch.context() as broken:
        broken.setattr(services.blobs._store, "open", fail)
        download = services.data_export.begin(alice.row)
        with pytest.raises(UpstreamFailureError):
            list(download)
        download.close()

    assert len(export(services, alice)) == 5


def test_account_without_a_repo_gets_an_error_and_no_turn_is_lost(
    services: Services, alice: Person, bob: Person
) -> None:
    with database.transaction():
        database.execute("DELETE FROM repo_root WHERE account_id = ?", (alice.row.id,))

    for _ in range(AT_ONCE + 1):
        with pytest.raises(RepoNotFoundError):
            services.data_export.begin(alice.row)

    export(services, bob)


def test_account_that_is_deleted_meanwhile_ends_the_list(services: Services, alice: Person) -> None:
    fill(services, alice)
    download = services.data_export.begin(alice.row)
    pieces = [next(download)]

    services.accounts.delete(alice.did)
    services.accounts._deletion._background.submit(int).result()  # the clean-up before it is done
    pieces += list(download)
    download.close()

    found = opened(b"".join(pieces))
    assert accounts.find_by_did(alice.did) is None
    assert not [name for name in found if name.startswith("blobs/")]
    assert len(found["repo.car"]) > 1_000


# --- memory --------------------------------------------------------------------------------------


def test_memory_stays_flat_however_much_there_is(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.blobs, "_upload_limit_bytes", 30 * MEGABYTE)
    videos = [bytes([number]) * (20 * MEGABYTE) for number in range(3)]
    refer(services, alice, *((video, "video/mp4") for video in videos))
    del videos
    for start in range(0, 6_000, 200):
        services.repos.apply_writes(alice.row, [_note(start + n) for n in range(200)])

    tracemalloc.start()
    download = services.data_export.begin(alice.row)
    size_bytes = sum(len(piece) for piece in download)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    download.close()

    assert size_bytes > 65 * MEGABYTE
    assert peak_bytes < 8 * MEGABYTE


def _note(number: int) -> Write:
    value = {"$type": "com.example.note", "text": f"{number:010}" * 100}
    return Write("create", "com.example.note", f"key{number:05}", value)
