from __future__ import annotations

import threading
import time

import pytest

from pds.errors import UpstreamBusyError
from pds.services.upstream_slots import Bounds, Claim, Slot, UpstreamSlots

BOUNDS = Bounds(in_all=6, per_peer=4, strangers=4, per_stranger=2, per_account=3, waiting=1)


def peer(name: str = "app view") -> Claim:
    return Claim(name, "did:web:alice", is_stranger=False)


def stranger(name: str = "chat", did: str = "did:web:alice") -> Claim:
    return Claim(name, did, is_stranger=True)


def slots(bounds: Bounds = BOUNDS, wait_s: float = 0.01) -> UpstreamSlots:
    return UpstreamSlots(bounds, wait_s)


def refused(pool: UpstreamSlots, claim: Claim) -> None:
    with pytest.raises(UpstreamBusyError) as caught:
        pool.take(claim)
    assert claim.upstream in caught.value.message
    assert caught.value.status == 503
    assert caught.value.retry_after == "5"


def test_a_peer_has_its_bound_and_leaves_room_for_others() -> None:
    pool = slots()
    taken = [pool.take(peer()) for _ in range(4)]

    refused(pool, peer())
    pool.take(peer("labeler"))
    taken[0].release()
    pool.take(peer())


def test_all_together_have_a_bound() -> None:
    pool = slots()
    for number in range(6):
        pool.take(peer(f"number {number}"))

    refused(pool, peer())
    refused(pool, stranger())


def test_strangers_leave_room_for_peers() -> None:
    pool = slots()
    for number in range(4):
        pool.take(stranger(f"number {number}", f"did:web:account{number}"))

    refused(pool, stranger("another", "did:web:bob"))
    pool.take(peer())


def test_one_stranger_leaves_room_for_others() -> None:
    pool = slots()
    for number in range(2):
        pool.take(stranger(did=f"did:web:account{number}"))

    refused(pool, stranger(did="did:web:bob"))
    pool.take(stranger("feeds", "did:web:bob"))


def test_one_account_cannot_hold_up_the_strangers_of_others() -> None:
    pool = slots()
    for number in range(3):
        pool.take(stranger(f"number {number}"))

    refused(pool, stranger("another"))
    pool.take(stranger("another", "did:web:bob"))


def test_letting_go_twice_frees_one_slot() -> None:
    pool = slots()
    taken = [pool.take(peer()) for _ in range(4)]
    for _ in range(2):
        taken[0].release()
    pool.take(peer())

    refused(pool, peer())


def test_who_waits_gets_what_becomes_free() -> None:
    pool = slots(wait_s=5)
    taken = [pool.take(peer()) for _ in range(4)]
    got: list[Slot] = []
    waiting = threading.Thread(target=lambda: got.append(pool.take(peer())))
    waiting.start()
    while not pool.waiting:
        time.sleep(0.001)

    refused(pool, peer())  # only one may wait
    taken[0].release()
    waiting.join(5)

    assert len(got) == 1


def test_nothing_is_remembered_of_who_has_let_go() -> None:
    pool = slots()
    pool.take(stranger()).release()
    pool.take(peer())

    assert pool.busy == {"app view": 1}


@pytest.mark.parametrize("threads", [1, 2, 16, 512])
def test_every_bound_lets_something_through(threads: int) -> None:
    bounds = Bounds.for_threads(threads)

    assert min(bounds.per_peer, bounds.per_stranger, bounds.per_account, bounds.waiting) >= 1
    assert bounds.per_peer + bounds.strangers <= bounds.in_all
