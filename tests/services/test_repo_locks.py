"""One writer per repo."""

from __future__ import annotations

import threading

import pytest

from pds.services.repo_locks import RepoLocks


def test_one_at_a_time_per_repo() -> None:
    locks, inside, most = RepoLocks(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with locks.hold(1):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (inside, most) == (0, 1)


def test_holder_keeps_others_of_the_same_repo_out() -> None:
    locks, entered = RepoLocks(), threading.Event()

    def enter() -> None:
        with locks.hold(1):
            entered.set()

    thread = threading.Thread(target=enter)
    with locks.hold(1):
        thread.start()
        assert not entered.wait(0.05)
    assert entered.wait(5)
    thread.join()


def test_other_repos_are_free() -> None:
    locks = RepoLocks()
    with locks.hold(1), locks.hold(2):
        pass


def test_lock_is_given_back_after_a_failure() -> None:
    locks = RepoLocks()
    with pytest.raises(ZeroDivisionError), locks.hold(1):
        raise ZeroDivisionError

    with locks.hold(1):
        pass
