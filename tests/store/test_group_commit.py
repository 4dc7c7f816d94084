"""Results that come slowly are each on disk at once, results that come fast share a file; none is lost."""

from __future__ import annotations

import time
from itertools import accumulate
from pathlib import Path
from threading import Event, Semaphore

import polars as pl
import pytest

from ipa_gym.store import GroupCommit, Store
from tests.store.rows import rows


class SlowStore(Store):
    """Waits with its first write until it may go on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begun, self.may_go_on = Event(), Event()

    def add(self, rows: pl.DataFrame) -> Path:
        self.begun.set()
        assert self.may_go_on.wait(10)
        return super().add(rows)


def test_a_single_result_is_on_disk_without_another_one_or_the_end(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with GroupCommit(store) as commit:
        for n in (1, 2):
            commit.put(rows(n))
            deadline_s = time.monotonic() + 10
            while store.read(["seed"]).height < n:
                assert time.monotonic() < deadline_s
        assert len(list(tmp_path.iterdir())) == 2


def test_results_that_come_during_a_write_are_the_next_file_together(tmp_path: Path) -> None:
    store = SlowStore(tmp_path)
    with GroupCommit(store) as commit:
        commit.put(rows(0))
        assert store.begun.wait(10)
        for n in range(1, 30):
            commit.put(rows(n))
        store.may_go_on.set()
    assert sorted(pl.read_parquet(path).height for path in tmp_path.iterdir()) == [1, 29]
    assert store.read(["seed"]).height == 30


def test_many_small_files_are_merged_on_the_way_and_those_of_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipa_gym.store.group_commit.MERGED_EVERY", 4)
    store, stored = Store(tmp_path), Semaphore(0)
    others = store.add(rows(100))
    with GroupCommit(store, lambda n: stored.release()) as commit:
        for n in range(11):
            commit.put(rows(n))
            assert stored.acquire(timeout=10)  # one file each
    heights = sorted(pl.read_parquet(path).height for path in tmp_path.iterdir())
    assert heights == [1, 1, 1, 1, 4, 4]
    assert others.exists()
    assert store.read(["seed"]).height == 12


def test_rows_are_reported_when_they_are_on_disk(tmp_path: Path) -> None:
    store, reported = Store(tmp_path), list[tuple[int, int]]()
    with GroupCommit(store, lambda n: reported.append((n, store.read(["seed"]).height))) as commit:
        for n in range(40):
            commit.put(rows(n))
    assert sum(n for n, _ in reported) == 40
    assert [on_disk for _, on_disk in reported] == list(accumulate(n for n, _ in reported))


def test_a_fault_of_who_is_told_is_raised_and_loses_no_row(tmp_path: Path) -> None:
    def fail(n: int) -> None:
        raise RuntimeError("told")

    def put_all() -> None:
        with GroupCommit(Store(tmp_path), fail) as commit:
            for n in range(5):
                commit.put(rows(n))

    with pytest.raises(RuntimeError, match="told"):
        put_all()
    handed_over = Store(tmp_path).read(["seed"]).height
    assert handed_over >= 1


def test_all_results_are_written_after_an_error_too(tmp_path: Path) -> None:
    def interrupted() -> None:
        with GroupCommit(Store(tmp_path)) as commit:
            for n in range(5):
                commit.put(rows(n))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert Store(tmp_path).read(["seed"]).height == 5


def test_a_failed_write_is_raised_where_results_are_handed_over(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    commit = GroupCommit(Store(tmp_path / "store"))

    def put_and_wait() -> None:
        with commit:
            commit.put(rows(1))
            deadline_s = time.monotonic() + 10
            while time.monotonic() < deadline_s:
                commit.put(rows(2))
                time.sleep(0.01)

    with pytest.raises(OSError):
        put_and_wait()


def test_a_failed_last_write_is_raised_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    commit = GroupCommit(Store(tmp_path / "store"))
    with pytest.raises(OSError), commit:
        commit.put(rows(1))
