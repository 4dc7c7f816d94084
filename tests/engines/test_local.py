"""What the engine on this machine's processes promises besides."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ipa_gym.engines import open_engine
from ipa_gym.errors import IpaGymError, OptionError, UnknownNameError
from tests.engines.works import Masks, Noting, Sums


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _wait_until(condition: object, timeout_s: float = 10.0) -> bool:
    assert callable(condition)
    end_s = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.02)
    return bool(condition())


def test_one_job_runs_in_this_process(tmp_path: Path) -> None:
    assert dict(open_engine("local", jobs=1).run(Noting(tmp_path), ["a", "b"])) == dict.fromkeys("ab", os.getpid())


def test_more_jobs_run_elsewhere_and_no_more_processes_than_items(tmp_path: Path) -> None:
    work = Noting(tmp_path)

    pids = set(dict(open_engine("local", jobs=8).run(work, ["a", "b"])).values())

    assert os.getpid() not in pids
    assert 1 <= len(work.starts()) <= 2


def test_ctrl_c_while_workers_start_does_not_reach_them_but_us() -> None:
    """Else each that is still importing prints a traceback when a terminal's Ctrl-C reaches all processes."""
    assert dict(open_engine("local", jobs=2).run(Masks(), [1, 2])) == {1: True, 2: True}
    assert not Masks().run(0)


def test_ctrl_c_is_not_the_workers_to_handle(tmp_path: Path) -> None:
    work = Noting(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal

    try:
        done = [item for item, _ in open_engine("local", jobs=2).run(work, ["a", "interrupted"])]
    finally:
        signal.signal(signal.SIGINT, before)

    assert sorted(done) == ["a", "interrupted"]
    assert len(work.runs("interrupted")) == 1


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_costs_no_item(tmp_path: Path) -> None:
    work, pids = Noting(tmp_path), dict[str, int]()
    items = ["a", "b", *(f"more-{number}" for number in range(6))]

    for item, pid in open_engine("local", jobs=2).run(work, items):
        if not pids:
            os.kill(pid, signal.SIGKILL)  # it has handed in its result and waits
            _wait_until(lambda pid=pid: not _is_running(pid))
        pids[item] = pid

    assert sorted(pids) == sorted(items)
    assert {item: len(work.runs(item)) for item in items} == dict.fromkeys(items, 1)


def test_closing_the_results_ends_the_workers_at_once(tmp_path: Path) -> None:
    work, began_s = Noting(tmp_path), time.monotonic()
    results = open_engine("local", jobs=2).run(work, ["a", "slow-1", "slow-2", "slow-3"])
    next(results)
    _wait_until(lambda: len(work.runs("slow")) == 1)

    results.close()  # type: ignore[attr-defined]  # a generator

    assert time.monotonic() - began_s < 30
    assert not any(_is_running(pid) for pid in work.starts())


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from ipa_gym.engines import open_engine; from tests.engines.works import Noting\n"
        "if __name__ == '__main__':\n"
        f"    list(open_engine('local', jobs=2).run(Noting(Path({str(tmp_path)!r})), ['slow-1', 'slow-2']))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    parent = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": os.getcwd()})
    work = Noting(tmp_path)
    assert _wait_until(lambda: len(work.runs("slow")) == 2, 20)

    parent.kill()
    parent.wait()

    assert _wait_until(lambda: not any(_is_running(pid) for pid in work.starts()))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"name": "locl"}, UnknownNameError, "unknown engine 'locl'; known: local, ray. Did you mean 'local'?"),
        ({"jobs": 0}, OptionError, "jobs is 0; expected at least 1"),
        ({"address": "a:1"}, OptionError, "address is 'a:1'; expected none for the engine local, only ray has one"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, object], kind: type[IpaGymError], message: str) -> None:
    with pytest.raises(kind) as caught:
        open_engine(**arguments)  # type: ignore[arg-type]  # wrong on purpose

    assert str(caught.value) == message


def test_errors_of_a_worker_carry_where_they_arose(tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        list(open_engine("local", jobs=2).run(Noting(tmp_path), ["a", "wrong"]))

    assert "works.py" in str(caught.value.__cause__)


def test_the_engine_can_run_again() -> None:
    engine = open_engine("local", jobs=2)

    assert sorted(engine.run(Sums(), range(3))) == sorted(engine.run(Sums(), range(3)))
