"""Everything a member has here, as one ZIP file: the repo, the settings, pictures and videos.

What must be whole (the repo) is made before the first byte is handed out, so that an error is an
error; it takes its turn like every export (``repo_export``). Pictures and videos are read one by
one while the file is sent, and stored as they are, since they are compressed already. Memory does
not grow with them, but for 400 bytes of the ZIP's directory for each.

Tricky bit: a download holds a thread for as long as its reader takes. So each member has one at a
time, and all together few.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import BinaryIO, Final

from pds.atproto.cid import Cid
from pds.errors import BlobNotFoundError, NotEnoughResourcesError
from pds.services.blobs import Blobs, OpenBlob
from pds.services.clock import Clock
from pds.services.in_progress import InProgress
from pds.services.preferences import Preferences
from pds.services.repo_export import RepoExport
from pds.storage.accounts import AccountRow

AT_ONCE: Final = 3
_CHUNK_BYTES: Final = 65_536
_PAGE: Final = 200

_ENDINGS: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/svg+xml": ".svg",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "audio/mpeg": ".mp3",
    "text/plain": ".txt",
    "text/vtt": ".vtt",
    "application/json": ".json",
    "application/pdf": ".pdf",
}

_README: Final = """\
This is what the account {who} had on {service} on {when}.

account.json      what the server knows of you
preferences.json  settings that your apps keep with the account; they are private
repo.car          your posts, likes, follows and all other records, signed, in the format of the
                  AT Protocol; other servers and tools can read it
blobs/            your pictures and videos. Each is named by its CID, which is what repo.car calls
                  it by; the ending only helps programs to open it
missing.txt       if there is one: pictures and videos that your records name and this server does
                  not have

Keep this file in a safe place: whoever has it can read your private settings.
"""


class ExportBusyError(NotEnoughResourcesError):
    """As many members are downloading their data as there may be, or this one already is."""

    default_message = (
        "Somebody is downloading a copy of their data at this moment. Try again in some minutes."
    )
    retry_after = "120"


class OwnExportBusyError(ExportBusyError):
    default_message = (
        "A copy of your data is being downloaded already. Wait for it, or cancel it and try again"
        " after a minute."
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """The services that an export is put together from."""

    repos: RepoExport
    blobs: Blobs
    preferences: Preferences


class Download:
    """One ZIP file, piece by piece. Whoever sends it closes it, even if it was never begun."""

    def __init__(self, name: str, pieces: Iterator[bytes], held: ExitStack) -> None:
        self.name = name
        self._pieces = pieces
        self._held = held

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Let go of the files and of the turn. Twice is fine."""
        self._held.close()


class DataExport:
    """Hands members what they have here."""

    def __init__(self, parts: Parts, clock: Clock, *, service_name: str) -> None:
        self._parts = parts
        self._clock = clock
        self._service_name = service_name
        self._members = InProgress()
        self._turns = BoundedSemaphore(AT_ONCE)

    def begin(self, account: AccountRow) -> Download:
        """A copy of what the account has, in any status. Close the download.

        Raises:
            RepoNotFoundError: it has no repo.
            ExportBusyError: try again later.
            UpstreamFailureError, NotEnoughResourcesError: while it is read, of the blob store.
        """
        with ExitStack() as held:
            if not held.enter_context(self._members.claim(account.id)):
                raise OwnExportBusyError
            if not self._turns.acquire(blocking=False):
                raise ExportBusyError
            held.callback(self._turns.release)
            repo = self._parts.repos.export(account)
            held.enter_context(repo.file)
            now = datetime.fromtimestamp(self._clock() / 1_000_000, UTC)
            pieces = self._pieces(account, repo.file, repo.size_bytes, now)
            held.callback(pieces.close)  # the last in is the first out: before the file it reads
            name = f"{account.handle or account.did.replace(':', '-')}-{now:%Y-%m-%d}.zip"
            return Download(name, pieces, held.pop_all())

    def _pieces(
        self, account: AccountRow, repo: BinaryIO, repo_bytes: int, now: datetime
    ) -> Generator[bytes, None, None]:
        sink = _Sink()
        with zipfile.ZipFile(sink, "w") as archive:
            writer = _Writer(archive, sink, now)
            who = f"{account.handle or ''} ({account.did})".strip()
            when = f"{now:%Y-%m-%d at %H:%M UTC}"
            readme = _README.format(who=who, service=self._service_name, when=when)
            yield from writer.add("README.txt", readme.encode())
            yield from writer.add("account.json", _account_json(account))
            found = self._parts.preferences.get(account, full_access=True)
            yield from writer.add("preferences.json", _json(found))
            yield from writer.copy("repo.car", repo, repo_bytes)
            missing: list[Cid] = []
            for cid in self._cids(account):
                try:
                    blob = self._parts.blobs.open_blob(account, cid)
                    file = blob.open(0, blob.size_bytes) if blob.size_bytes else io.BytesIO()
                except BlobNotFoundError:
                    missing.append(cid)
                    continue
                with file:
                    yield from writer.copy(_name(blob), file, blob.size_bytes)
            if missing:
                lines = "".join(f"{cid}\n" for cid in missing)
                yield from writer.add("missing.txt", lines.encode())
        yield sink.take()

    def _cids(self, account: AccountRow) -> Iterator[Cid]:
        cursor: str | None = None
        while True:
            cids, cursor = self._parts.blobs.list_blobs(
                account, since=None, limit=_PAGE, cursor=cursor
            )
            yield from cids
            if cursor is None:
                return


class _Sink:
    """A file that cannot be sought: what is written to it waits to be taken."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, content: bytes) -> int:
        self._written.append(content)
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """What was written can still be taken."""

    def take(self) -> bytes:
        taken = b"".join(self._written)
        self._written.clear()
        return taken


class _Writer:
    """Adds files to an archive and hands on what that has written."""

    def __init__(self, archive: zipfile.ZipFile, sink: _Sink, now: datetime) -> None:
        self._archive = archive
        self._sink = sink
        self._time = (now.year, now.month, now.day, now.hour, now.minute, now.second)

    def add(self, name: str, content: bytes) -> Iterator[bytes]:
        self._archive.writestr(self._info(name, len(content)), content)
        yield self._sink.take()

    def copy(self, name: str, file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
        """size_bytes: about how many there are; more than the format's 4 GB need to be foreseen."""
        with self._archive.open(self._info(name, size_bytes), "w") as target:
            while piece := file.read(_CHUNK_BYTES):
                target.write(piece)
                yield self._sink.take()
        yield self._sink.take()

    def _info(self, name: str, size_bytes: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._time)
        info.file_size = size_bytes
        return info


def _name(blob: OpenBlob) -> str:
    return f"blobs/{blob.cid}{_ENDINGS.get(blob.mime_type, '')}"


def _account_json(account: AccountRow) -> bytes:
    return _json(
        {
            "did": account.did,
            "handle": account.handle,
            "email": account.email,
            "emailConfirmedAt": account.email_confirmed_at or None,
            "createdAt": account.created_at,
            "deactivatedAt": account.deactivated_at,
            "deleteAfter": account.delete_after,
        }
    )


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()
