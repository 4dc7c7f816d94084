"""`call` says that it compiles where that takes long, once a function, and is silent otherwise."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest

from ipa_gym.stepping import compilation
from ipa_gym.stepping.compilation import call

PATIENCE_S, LONG_S = 0.05, 0.3


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "_PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr(compilation, "_called", set())


def slow(first_s: float) -> Callable[[int, int], int]:
    """Adds two numbers; the first call takes so long."""
    waits_s = [first_s]

    def add(left: int, right: int) -> int:
        time.sleep(waits_s.pop() if waits_s else 0.0)
        return left + right

    return add


def test_a_first_call_beyond_its_patience_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    assert call(slow(LONG_S), 2, 3) == 5
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "compiling" in record.getMessage()


def test_it_warns_while_the_call_is_still_running(caplog: pytest.LogCaptureFixture) -> None:
    begun = time.time()
    call(slow(LONG_S), 2, 3)
    assert caplog.records[0].created < begun + LONG_S


def test_a_fast_first_call_is_silent_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    assert call(slow(0.0), 2, 3) == 5
    time.sleep(2 * PATIENCE_S)
    assert caplog.records == []


def test_later_calls_are_silent_however_long_they_take(caplog: pytest.LogCaptureFixture) -> None:
    pauses_s = iter((0.0, LONG_S))

    def pause(left: int) -> int:
        time.sleep(next(pauses_s))
        return left

    assert [call(pause, 1), call(pause, 2)] == [1, 2]
    assert caplog.records == []


def test_each_function_has_a_first_call_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    call(slow(0.0), 2, 3)
    call(slow(LONG_S), 2, 3)
    assert len(caplog.records) == 1


def test_a_first_call_that_fails_raises_and_leaves_no_timer(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(fail)
    time.sleep(2 * PATIENCE_S)
    assert caplog.records == []
