"""subscribeRepos: the firehose, as opened by a call. Its WebSocket is tested with the web."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.firehose_frames import decode_frame
from pds.atproto.lexicon.errors import InvalidValueError
from pds.errors import FutureCursorError
from pds.services.sequencer import Subscription
from tests.factories import Person, StillClock, ask
from tests.repo_methods import NOTE, repo_call, write_note

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.subscribeRepos"


def subscribe(services: Services, **params: Any) -> Subscription:
    pairs = {name: [str(value)] for name, value in params.items()}
    reply = ask(services, NSID, params=services.validator.coerce_params(NSID, pairs))
    assert isinstance(reply, Subscription)
    return reply


def drain(subscription: Subscription) -> list[tuple[str, Any]]:
    """(kind, payload) of the opening frames and of all that is there to read now."""
    frames = list(subscription.opening_frames)
    while new := subscription.wait_frames(0):
        frames += new
    decoded = [decode_frame(frame) for frame in frames]
    return [(header["t"], payload) for header, payload in decoded]


def test_cursor_0_replays_all_there_is(services: Services, alice: Person) -> None:
    written = write_note(services, alice, "a")

    found = drain(subscribe(services, cursor=0))

    assert [kind for kind, _ in found] == ["#identity", "#account", "#commit", "#sync", "#commit"]
    assert [payload["seq"] for _, payload in found] == [1, 2, 3, 4, 5]
    last = found[-1][1]
    assert (last["repo"], str(last["commit"])) == (alice.did, written["commit"]["cid"])
    assert [(op["action"], op["path"]) for op in last["ops"]] == [("create", f"{NOTE}/a")]


def test_cursor_is_the_last_event_seen(services: Services, alice: Person) -> None:
    for rkey in ("a", "b", "c"):
        write_note(services, alice, rkey)
    last = services.sequencer.last_seq

    found = drain(subscribe(services, cursor=last - 2))

    assert [payload["seq"] for _, payload in found] == [last - 1, last]
    assert drain(subscribe(services, cursor=last)) == []


def test_without_cursor_only_what_comes_is_sent(services: Services, alice: Person) -> None:
    subscription = subscribe(services)
    assert drain(subscription) == []

    write_note(services, alice, "a")
    assert [kind for kind, _ in drain(subscription)] == ["#commit"]


def test_refused_write_and_no_op_send_nothing(services: Services, alice: Person) -> None:
    write_note(services, alice, "a")
    subscription = subscribe(services)

    write_note(services, alice, "a")
    repo_call(services, alice, "deleteRecord", collection=NOTE, rkey="none")
    with pytest.raises(Exception, match="Invalid"):
        repo_call(
            services, alice, "createRecord", collection=NOTE, record={"$type": "com.example.other"}
        )  # fmt: skip

    assert drain(subscription) == []


def test_cursor_in_the_future_is_refused(services: Services, alice: Person) -> None:
    write_note(services, alice, "a")
    for ahead in (1, 1_000, 2**53 - 1 - services.sequencer.last_seq):
        with pytest.raises(FutureCursorError):
            subscribe(services, cursor=services.sequencer.last_seq + ahead)


def test_cursor_before_what_was_pruned_is_told_so(
    services: Services, alice: Person, clock: StillClock
) -> None:
    clock.advance(services.config.repo_backfill_limit_ms / 1000 + 1)
    write_note(services, alice, "a")
    assert services.sequencer.prune() == 4

    found = drain(subscribe(services, cursor=1))

    assert [kind for kind, _ in found] == ["#info", "#commit"]
    assert found[0][1]["name"] == "OutdatedCursor"
    assert [kind for kind, _ in drain(subscribe(services, cursor=4))] == ["#commit"]


@pytest.mark.parametrize("cursor", ["x", "1.5", "", "9" * 30, str(2**53)])
def test_cursor_that_is_no_number_is_refused(services: Services, cursor: str) -> None:
    if cursor == "":
        assert drain(subscribe(services, cursor=cursor)) == []  # as if there was none
        return
    with pytest.raises(InvalidValueError, match="cursor"):
        subscribe(services, cursor=cursor)


def test_stopping_server_ends_the_subscription(services: Services, alice: Person) -> None:
    write_note(services, alice, "a")
    subscription = subscribe(services, cursor=0)

    services.sequencer.stop()

    assert subscription.stopped
    assert subscription.wait_frames(10) == []
