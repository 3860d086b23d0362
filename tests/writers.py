"""Accounts that write until their server is gone, and know what it has acknowledged."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tests.server_process import Account, HttpError

POST = "app.bsky.feed.post"
PNG = b"\x89PNG\r\n\x1a\n"
GONE = (502, 503)  # as the front server says it


@dataclass
class Writer:
    """Writes until the server is gone, or ``limit`` times; every fifth post has a picture.

    ``records`` (CIDs by record key) and ``blobs`` (content by CID) were acknowledged.
    """

    account: Account
    pause_s: float = 0.0
    limit: int = 1_000_000
    records: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    failure: BaseException | None = None

    def run(self) -> None:
        try:
            for number in range(1, self.limit + 1):
                self._write(number)
                time.sleep(self.pause_s)
        except OSError:
            return  # the server is gone
        except HttpError as error:
            self.failure = None if error.status in GONE else error
        except BaseException as error:
            self.failure = error

    def _write(self, number: int) -> None:
        embed = {}
        if number % 5 == 0:
            content = PNG + f"{self.account.did} {number}".encode()
            upload = "com.atproto.repo.uploadBlob"
            reply = self.account.server.post(
                upload, content, token=self.account.token, content_type="image/png"
            )
            self.blobs[reply["blob"]["ref"]["$link"]] = content
            image = {"image": reply["blob"], "alt": ""}
            embed = {"embed": {"$type": "app.bsky.embed.images", "images": [image]}}
        written = self.account.post(f"post {number}", **embed)
        self.records[written["uri"].rpartition("/")[2]] = written["cid"]


def posts_of(account: Account) -> dict[str, str]:
    """The CIDs of all posts, by record key."""
    found: dict[str, str] = {}
    cursor: dict[str, str] = {}
    while True:
        page = account.server.get(
            "com.atproto.repo.listRecords",
            repo=account.did,
            collection=POST,
            limit=100,
            **cursor,
        )
        found |= {r["uri"].rpartition("/")[2]: r["cid"] for r in page["records"]}
        if len(page["records"]) < 100:
            return found
        cursor = {"cursor": page["cursor"]}
