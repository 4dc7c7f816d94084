"""The store gives back what was added, each key once, whatever else happens in its folder."""

from __future__ import annotations

import math
import os
import resource
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ipa_gym.errors import StoreError, UnknownNameError
from ipa_gym.files import write_frame
from ipa_gym.store import COLUMNS, Store, parts, schema
from tests.store.rows import key, rows


def seeds(store: Store) -> list[int]:
    return sorted(store.read(["seed"])["seed"].to_list())


def test_rows_come_back_as_they_were_added(tmp_path: Path) -> None:
    store, added = Store(tmp_path / "new" / "store"), rows(1, 2, latency_p99_s=math.nan)
    store.add(added)
    assert_frame_equal(store.read(), added)
    assert store.read(["reward_mean", "seed"]).rows() == [(1.5, 1), (1.5, 2)]


def test_an_empty_folder_or_none_has_all_columns_and_no_row(tmp_path: Path) -> None:
    assert Store(tmp_path / "none").read().schema == schema()
    assert Store(tmp_path).missing([key(1)]) == [key(1)]
    assert not (tmp_path / "none").exists()


def test_a_key_that_was_added_twice_counts_once_and_the_first_row_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(rows(1, 2, decision_mean_ms=0.25))
    store.add(rows(2, 3, decision_mean_ms=0.5))
    assert store.read(["seed", "decision_mean_ms"]).rows() == [(1, 0.25), (2, 0.25), (3, 0.5)]


def test_every_part_of_the_key_makes_another_row(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other: dict[str, object] = {"pipeline": "y", "trace": "y", "window": "0:9", "agent": "y", "training_seed": "1",
                                "version": "2", "settings_hash": "i"}  # fmt: skip
    store.add(rows(1))
    for name, value in other.items():
        store.add(rows(1, **{name: value}))
    assert store.read(["seed"]).height == 1 + len(other)
    assert store.missing([key(1), key(2)]) == [key(2)]


def test_only_the_rows_of_the_asked_keys(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(rows(*range(10)))
    assert store.read(["seed"], keys=[key(7), key(3), key(70)])["seed"].to_list() == [3, 7]
    assert store.missing([key(11), key(7), key(10)]) == [key(11), key(10)]
    assert store.read(["seed"], keys=[]).height == 0


def test_merging_makes_one_file_and_changes_no_row(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for seed in (3, 1, 2, 1):
        store.add(rows(seed))
    before = store.read().sort("seed")
    store.merge()
    assert len(list(tmp_path.iterdir())) == 1
    assert_frame_equal(store.read(), before)


def test_a_kill_between_the_merged_file_and_the_old_ones_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    for seed in (1, 2, 3):
        store.add(rows(seed))

    def stop(self: Path, missing_ok: bool = False) -> None:
        if not self.name.startswith("."):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stop)
        with pytest.raises(KeyboardInterrupt):
            store.merge()
    assert len(list(tmp_path.iterdir())) == 4
    assert seeds(store) == [1, 2, 3]
    store.merge()
    assert len(list(tmp_path.iterdir())) == 1
    assert seeds(store) == [1, 2, 3]


def test_a_large_part_is_left_as_it_is_when_small_ones_are_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.add(rows(*range(200), options="".join(map(str, range(2000)))))
    (large,) = tmp_path.iterdir()
    monkeypatch.setattr("ipa_gym.store.store.MERGED_BYTES", large.stat().st_size)
    store.add(rows(500))
    store.add(rows(501))
    store.merge()
    assert len(list(tmp_path.iterdir())) == 2
    assert large.exists()
    assert store.read(["seed"]).height == 202


def test_reading_goes_on_while_others_add_and_merge(tmp_path: Path) -> None:
    store, faults = Store(tmp_path), list[BaseException]()
    store.add(rows(*range(50)))

    def disturb(first: int) -> None:
        try:
            for seed in range(first, first + 40):
                Store(tmp_path).add(rows(seed))
                if seed % 4 == 3:
                    Store(tmp_path).merge()
        except BaseException as fault:
            faults.append(fault)

    writers = [Thread(target=disturb, args=(first,)) for first in (1000, 2000)]
    for writer in writers:
        writer.start()
    n_seen = 0
    while any(writer.is_alive() for writer in writers):
        now = store.read(["seed"])["seed"]
        assert now.n_unique() == len(now) >= max(50, n_seen)  # none is lost, none comes twice
        n_seen = len(now)
    assert faults == []
    assert seeds(store) == [*range(50), *range(1000, 1040), *range(2000, 2040)]


def test_a_file_that_went_after_it_was_listed_makes_the_store_list_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    for seed in (1, 2):
        store.add(rows(seed))
    listings = [[*parts.list_parts(tmp_path), tmp_path / "part-gone.parquet"], parts.list_parts(tmp_path)]
    monkeypatch.setattr("ipa_gym.store.store.list_parts", lambda folder: listings.pop(0))
    assert seeds(store) == [1, 2]
    assert listings == []


def test_a_walk_that_misses_both_a_merged_file_and_its_parts_is_walked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a merge in the middle of a walk over a large folder may look like."""
    walks = [["b.parquet"], ["b.parquet", "merged.parquet"], ["merged.parquet", "b.parquet"]]
    monkeypatch.setattr(parts, "_names", lambda folder: walks.pop(0))
    assert [path.name for path in parts.list_parts(tmp_path)] == ["b.parquet", "merged.parquet"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"no Parquet file at all", "cannot be read"),
        ("foreign", "pipeline, trace, window, agent, training_seed, seed, version, settings_hash missing"),
        ("other type", "cannot be read"),
        ("cut", "cannot be read"),
    ],
)
def test_a_broken_or_foreign_file_is_one_error_that_names_it(
    tmp_path: Path, content: bytes | str, message: str
) -> None:
    store, path = Store(tmp_path), tmp_path / "odd.parquet"
    store.add(rows(1))
    store.add(rows(2))
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "foreign":
        pl.DataFrame({"requests": [1, 2]}).write_parquet(path)
    elif content == "other type":
        rows(3).with_columns(pas=pl.lit("high")).write_parquet(path)
    else:
        rows(*range(20)).write_parquet(path)
        path.write_bytes(path.read_bytes()[:-30])
    for use in (store.read, lambda: store.missing([key(1)])) if content != "other type" else (store.read,):
        with pytest.raises(StoreError, match=message) as error:
            use()
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
    with suppress(StoreError):
        store.merge()
    assert len(list(tmp_path.iterdir())) == 3 - (content in ("foreign", "other type"))  # it was not merged away
    assert path.exists()


def test_files_that_are_no_parts_are_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(rows(1))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".part-0-ab.parquet.new").write_bytes(b"half")  # another process is writing it
    assert seeds(store) == [1]
    store.merge()
    assert len(list(tmp_path.iterdir())) == 3


def test_what_a_kill_left_half_written_goes_after_a_day(tmp_path: Path) -> None:
    store, left = Store(tmp_path), tmp_path / ".part-0-ab.parquet.new"
    left.write_bytes(b"half")
    os.utime(left, (time.time() - 90_000, time.time() - 90_000))
    store.merge()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(frame: pl.DataFrame, file: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", fail)
    with pytest.raises(OSError, match="disk full"):
        Store(tmp_path).add(rows(1))
    assert list(tmp_path.iterdir()) == []


def test_rows_of_an_older_program_lack_what_came_later_and_are_not_merged_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(rows(1))
    store.add(rows(2))
    rows(3).drop("sla_s").write_parquet(tmp_path / "part-0.parquet")
    store.merge()
    assert sorted(store.read(["seed", "sla_s"]).rows()) == [(1, 1.5), (2, 1.5), (3, None)]
    assert (tmp_path / "part-0.parquet").exists()


def test_an_unknown_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'reward_mean'"):
        Store(tmp_path).read(["reward_mea"])


def test_columns_have_different_names_and_a_meaning() -> None:
    assert len({column.name for column in COLUMNS}) == len(COLUMNS) == 35
    assert all(column.meaning for column in COLUMNS)


def test_a_folder_or_a_dead_link_called_like_a_part_is_named_whatever_is_done(tmp_path: Path) -> None:
    store, path = Store(tmp_path), tmp_path / "part-dir.parquet"
    store.add(rows(1))
    path.mkdir()
    for use in (store.read, store.merge, lambda: store.missing([key(1)])):
        with pytest.raises(StoreError, match=r"part-dir\.parquet: is a folder"):
            use()
    path.rmdir()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=r"part-dir\.parquet: is a link to nothing"):
        store.read()
    path.unlink()
    assert seeds(store) == [1]


def test_a_full_disk_is_an_error_of_the_system_that_names_the_part_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk; polars by itself would say "invalid thrift"."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"part-\d+-.*\.parquet"):
            Store(tmp_path).add(rows(1))
        with pytest.raises(OSError, match=r"table\.parquet"):
            write_frame(rows(1), tmp_path / "table.parquet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
