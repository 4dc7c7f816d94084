"""Shares of the environments on several threads: each is run once, the sum comes back, and a fork starts anew."""

from __future__ import annotations

import os
import threading

from ipa_gym.stepping.threads import on_threads

SHARES = ((0, 0, 3), (1, 3, 5), (2, 5, 9))


def test_every_share_runs_once_and_the_returns_are_summed() -> None:
    seen: list[tuple[int, int, int, str]] = []

    def function(label: str, thread: int, first: int, end: int) -> int:
        seen.append((thread, first, end, label))
        return end - first

    assert on_threads(function, ("x",), SHARES) == 9
    assert sorted(seen) == [(*share, "x") for share in SHARES]


def test_the_last_share_runs_on_the_callers_thread_and_all_run_together() -> None:
    together = threading.Barrier(2, timeout=10)
    names: dict[int, str] = {}

    def function(thread: int, first: int, end: int) -> int:
        names[thread] = threading.current_thread().name
        together.wait()
        return 0

    on_threads(function, (), SHARES[:2])
    assert names[1] == threading.current_thread().name
    assert names[0].startswith("ipa-gym")


def test_a_forked_process_has_threads_of_its_own() -> None:
    def function(thread: int, first: int, end: int) -> int:
        return 1

    assert on_threads(function, (), SHARES) == 3
    child = os.fork()
    if child == 0:
        os._exit(on_threads(function, (), SHARES))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
