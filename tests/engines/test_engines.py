"""What every engine promises, on this machine's processes and on a Ray that is started here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ipa_gym.engines import ENGINES, Engine, EngineError, open_engine, ray_worker
from ipa_gym.engines.machine_stamp import machine_stamp
from ipa_gym.errors import OptionError
from tests.engines.works import Noting, Sums

WITHOUT_RAY = "ray is not installed: pip install 'ipa-gym[ray]'"


@pytest.fixture(scope="module")
def running_ray() -> Iterator[None]:
    """One Ray for all tests of this module; engines use it and leave it running."""
    pytest.importorskip("ray", reason=WITHOUT_RAY)
    from ipa_gym.engines.ray_cluster import connected

    with connected(None, 2):
        yield


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "ray":
        request.getfixturevalue("running_ray")
    return open_engine(request.param, jobs=2)


def test_results_are_those_of_a_plain_loop_bit_for_bit(engine: Engine) -> None:
    expected = {item: float(np.random.default_rng(item).normal(size=1000).sum()) for item in range(20)}

    assert dict(engine.run(Sums(), range(20))) == expected


def test_each_item_is_done_once_and_a_process_starts_once(engine: Engine, tmp_path: Path) -> None:
    work, items = Noting(tmp_path), [f"item-{number:02}" for number in range(12)]

    done = [item for item, _ in engine.run(work, items)]

    assert sorted(done) == sorted(items)
    assert {item: len(work.runs(item)) for item in items} == dict.fromkeys(items, 1)
    assert 1 <= len(work.starts()) == len(set(work.starts())) <= 2


def test_the_item_of_a_killed_worker_runs_again_and_no_other_does(engine: Engine, tmp_path: Path) -> None:
    work, items = Noting(tmp_path), ["a", "b", "deadly-once", "c", "d", "e", "f"]

    done = [item for item, _ in engine.run(work, items)]

    assert sorted(done) == sorted(items)
    assert {item: len(work.runs(item)) for item in items} == dict.fromkeys(items, 1) | {"deadly-once": 2}


def test_an_item_that_kills_each_worker_is_named_after_three_more_tries(engine: Engine, tmp_path: Path) -> None:
    work = Noting(tmp_path)

    with pytest.raises(EngineError, match=r"^deadly: the process that ran it was lost 4 times") as caught:
        list(engine.run(work, ["a", "deadly", "b"]))

    assert len(work.runs("deadly")) == 4
    assert "\n" not in str(caught.value)


def test_an_error_of_the_work_is_raised_as_it_is_and_ends_the_rest(engine: Engine, tmp_path: Path) -> None:
    work, began_s = Noting(tmp_path), time.monotonic()

    with pytest.raises(OptionError, match=r"^item is wrong; expected right$"):
        list(engine.run(work, ["slow", "wrong", *(f"item-{number}" for number in range(50))]))

    assert time.monotonic() - began_s < 30  # not the 60 s that the slow one takes
    assert len(work.runs("item")) < 50


def test_items_are_taken_as_workers_are_free_with_all_results_so_far_handed_out(engine: Engine) -> None:
    taken, done, waiting = 0, 0, []

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(10):
            taken += 1
            waiting.append(taken - done)
            yield number

    for _ in engine.run(Sums(), items()):
        done += 1

    assert (taken, done) == (10, 10)
    assert max(waiting) == 2  # the jobs


def test_no_items_start_nothing(engine: Engine, tmp_path: Path) -> None:
    work = Noting(tmp_path)

    assert list(engine.run(work, [])) == []
    assert work.starts() == []


@pytest.mark.parametrize("address", ["here", "here:", "here:0", "here:66000", "ray://here:1"])
def test_ray_refuses_an_address_that_is_none(address: str) -> None:
    pytest.importorskip("ray", reason=WITHOUT_RAY)

    with pytest.raises(OptionError, match="expected HOST:PORT"):
        open_engine("ray", address=address)


def test_ray_says_where_no_cluster_answers() -> None:
    """In a process of its own: this one may have a Ray."""
    pytest.importorskip("ray", reason=WITHOUT_RAY)
    code = (
        "from ipa_gym.engines import open_engine; from tests.engines.works import Sums\n"
        "try: list(open_engine('ray', address='127.0.0.1:1').run(Sums(), [1, 2]))\n"
        "except ValueError as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("no Ray cluster answers at '127.0.0.1:1'")
    assert done.stdout.count("\n") == 1


def test_an_engine_without_its_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else found(name))

    with pytest.raises(EngineError, match=r"pip install 'ipa-gym\[ray\]'$"):
        open_engine("ray")


def test_a_cluster_by_address_gives_the_same_and_is_left_running(running_ray: None) -> None:
    """Another process connects to this one's Ray, as to a cluster, and its results go to stdout alone."""
    import ray

    address = ray.get_runtime_context().gcs_address
    code = (
        "from ipa_gym.engines import open_engine; from tests.engines.works import Sums\n"
        f"print(sorted(open_engine('ray', address={address!r}).run(Sums(), range(3))))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == f"{sorted((item, Sums().run(item)) for item in range(3))}\n"
    assert ray.get(ray.remote(num_cpus=1)(lambda: 1).remote()) == 1


def test_a_lost_worker_of_ray_puts_nothing_on_stdout(
    running_ray: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    list(open_engine("ray", jobs=2).run(Noting(tmp_path), ["deadly-once", "a"]))
    time.sleep(0.5)  # Ray's thread that prints

    assert capfd.readouterr().out == ""


def test_a_machine_with_other_versions_is_refused() -> None:
    here = dict(machine_stamp())

    class Reference:
        def hex(self) -> str:
            return "never fetched"

    stamp = tuple((here | {"numpy": "0.1"}).items())
    with pytest.raises(EngineError, match=rf"has numpy {here['numpy']} \(here 0\.1\); expected the same on all$"):
        ray_worker.run_item([Reference()], stamp, 1)
