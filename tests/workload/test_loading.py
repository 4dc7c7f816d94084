"""Loading by name and from every format, and the faults that a file can have."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipa_gym.errors import CardError, TraceError, UnknownNameError
from ipa_gym.workload.loading import load_binned_trace, load_split_trace, load_trace

Write = Callable[[Path, list[int]], None]


def _write_txt(path: Path, counts: list[int]) -> None:
    path.write_text("".join(f"{count}\n" for count in counts))


def _write_csv(path: Path, counts: list[int]) -> None:
    pl.DataFrame({"rps": counts, "other": counts[::-1]}).write_csv(path)


def _write_parquet(path: Path, counts: list[int]) -> None:
    pl.DataFrame({"count": counts, "note": ["x"] * len(counts)}).write_parquet(path)


def _write_npy(path: Path, counts: list[int]) -> None:
    np.save(path, np.array(counts))


def _write_npz(path: Path, counts: list[int]) -> None:
    np.savez_compressed(path, load=np.array(counts))


WRITERS: dict[str, Write] = {
    ".txt": _write_txt,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".npy": _write_npy,
    ".npz": _write_npz,
}


@pytest.mark.parametrize("suffix", sorted(WRITERS))
@given(counts=st.lists(st.integers(0, 10_000), min_size=1, max_size=50))
def test_counts_come_back_from_every_format(suffix: str, counts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"mine{suffix}"
        WRITERS[suffix](path, counts)
        trace = load_trace(path)
        eighth = load_trace(str(path), scale=0.125)
    assert trace.counts.dtype == np.int64
    assert trace.counts.tolist() == counts
    assert eighth.counts.tolist() == [count // 8 for count in counts]
    assert dict(trace.splits) == {"all": (0, len(counts))}
    assert trace.name == "mine"


@given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=30), seed=st.integers(0, 1000))
def test_a_log_of_epoch_seconds_in_any_order_is_binned(counts: list[int], seed: int) -> None:
    counts = [1, *counts, 2]
    rng = np.random.default_rng(seed)
    times = 1_700_000_000 + np.repeat(np.arange(len(counts)), counts) + rng.random(sum(counts)) * 0.999
    rng.shuffle(times)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.txt"
        path.write_text("\n".join(f"{time:.6f}" for time in times))
        assert load_trace(path).counts.tolist() == counts


def test_iso_timestamps_are_read_with_and_without_a_zone(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("2024-05-01T12:00:02.9Z\n2024-05-01T12:00:00\n2024-05-01T14:00:02+02:00\n")
    assert load_trace(path).counts.tolist() == [1, 0, 2]


def test_timestamp_columns_of_every_kind_are_found(tmp_path: Path) -> None:
    times = [datetime(2024, 5, 1, 12, 0, second, tzinfo=UTC) for second in (0, 0, 3)]
    pl.DataFrame({"timestamp": times, "path": ["/a", "/b", "/c"]}).write_parquet(tmp_path / "log.parquet")
    (tmp_path / "log.csv").write_text("timestamp,status\n2024-05-01T12:00:00Z,a\n2024-05-01T12:00:03Z,b\n")
    (tmp_path / "relative.csv").write_text("timestamp\n0.5\n2.25\n2.75\n")
    assert load_trace(tmp_path / "log.parquet").counts.tolist() == [2, 0, 0, 1]
    assert load_trace(tmp_path / "log.csv", column="timestamp").counts.tolist() == [1, 0, 0, 1]
    assert load_trace(tmp_path / "relative.csv").counts.tolist() == [1, 0, 2]


def test_kind_overrides_what_the_values_look_like(tmp_path: Path) -> None:
    path = tmp_path / "numbers.txt"
    path.write_text("0\n1\n1\n")
    assert load_trace(path).counts.tolist() == [0, 1, 1]
    assert load_trace(path, kind="timestamps").counts.tolist() == [1, 2]
    path.write_text("500000000\n500000000\n")
    assert load_trace(path).counts.tolist() == [2]
    assert load_trace(path, kind="counts").counts.tolist() == [500_000_000, 500_000_000]


def test_key_and_column_choose_among_several(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", rps=np.array([1]), day=np.array([2]))
    pl.DataFrame({"a": [1, 2], "b": [3, 4]}).write_csv(tmp_path / "two.csv")
    assert load_trace(tmp_path / "two.npz").counts.tolist() == [1]
    assert load_trace(tmp_path / "two.npz", key="day").counts.tolist() == [2]
    assert load_trace(tmp_path / "two.csv", column="b").counts.tolist() == [3, 4]


def test_comments_and_blank_lines_of_a_text_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# per second\n3\n\n4\n")
    assert load_trace(tmp_path / "a.txt").counts.tolist() == [3, 4]


def test_counts_per_minute_are_spread_with_the_exact_total(tmp_path: Path) -> None:
    (tmp_path / "minutes.txt").write_text("60\n31\n")
    counts = load_binned_trace(tmp_path / "minutes.txt", bin_s=60).counts
    assert counts[:60].tolist() == [1] * 60
    assert (len(counts), counts[60:].sum(), counts[60:].max()) == (120, 31, 1)


def test_a_fraction_gives_splits_to_a_raw_file(tmp_path: Path) -> None:
    _write_txt(tmp_path / "a.txt", [1, 2, 3, 4])
    assert load_split_trace(tmp_path / "a.txt", train_fraction=0.75).split_range("test") == (3, 4)


def _csv(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "bad.csv").write_text(text)
        return folder / "bad.csv"

    return write


def _txt(content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "bad.txt").write_bytes(content)
        return folder / "bad.txt"

    return write


def _pickled(folder: Path) -> Path:
    np.savez(folder / "bad.npz", rps=np.array([{"a": 1}, None], dtype=object))
    return folder / "bad.npz"


def _pickled_npy(folder: Path) -> Path:
    np.save(folder / "bad.npy", np.array([{"a": 1}, None], dtype=object))
    return folder / "bad.npy"


def _garbage(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(b"not what it says")
        return folder / name

    return write


FAULTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "none.csv", "no file"),
    "suffix": (_garbage("a.xlsx"), r"suffix is '.xlsx'; expected one of .txt, .csv"),
    "negative": (_txt(b"1\n-2\n"), r"counts\[1\] is -2"),
    "nan": (_txt(b"1\nnan\n"), r"counts\[1\] is nan"),
    "fraction": (_txt(b"1\n2.5\n"), r"counts\[1\] is 2.5"),
    "empty": (_txt(b"\n"), "the file is empty"),
    "binary": (_txt(b"\xff\xfe\x00"), "not readable as UTF-8"),
    "words": (_txt(b"1\nmany\n"), "row 0 is '1'; expected a number, or a time like"),
    "milliseconds": (_txt(b"1700000000000\n1700000001000\n"), "seconds, not milliseconds"),
    "long log": (_txt(b"100000000\n1700000000\n"), "timestamps span"),
    "no rows": (_csv("rps\n"), "empty"),
    "hole": (_csv("rps,x\n1,a\n,b\n"), r"\[rps\]: row 1 is empty"),
    "ambiguous": (_csv("a,b\n1,2\n"), "name one with column=: 'a', 'b'"),
    "pickled npz": (_pickled, "holds Python objects"),
    "pickled npy": (_pickled_npy, "holds Python objects"),
    "no npz": (_garbage("a.npz"), "a.npz"),
    "no npy": (_garbage("a.npy"), "a.npy"),
    "no parquet": (_garbage("a.parquet"), "not readable as Parquet"),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_each_fault_names_the_file_and_what_is_wrong(name: str, tmp_path: Path) -> None:
    write, message = FAULTS[name]
    path = write(tmp_path)
    with pytest.raises(TraceError, match=message) as caught:
        load_trace(path)
    assert path.name in str(caught.value)


def test_unknown_keys_and_columns_get_the_nearest(tmp_path: Path) -> None:
    _write_npz(tmp_path / "a.npz", [1])
    _write_csv(tmp_path / "a.csv", [1])
    with pytest.raises(TraceError, match=r"unknown key 'laod'; known: load. Did you mean 'load'"):
        load_trace(tmp_path / "a.npz", key="laod")
    with pytest.raises(TraceError, match=r"unknown column 'rsp'.*Did you mean 'rps'"):
        load_trace(tmp_path / "a.csv", column="rsp")


def test_an_option_that_the_format_has_not_is_refused(tmp_path: Path) -> None:
    _write_txt(tmp_path / "a.txt", [1])
    _write_npz(tmp_path / "a.npz", [1])
    for path, options in (("a.txt", {"column": "x"}), ("a.txt", {"key": "x"}), ("a.npz", {"column": "load"})):
        with pytest.raises(TraceError, match=r"expected key for \.npz"):
            load_trace(tmp_path / path, **options)
    with pytest.raises(TraceError, match="a trace card names its own"):
        load_trace("bursty", key="rps")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'bursty'"):
        load_trace("burstly")


def test_a_card_of_ones_own_is_loaded_with_its_splits(tmp_path: Path) -> None:
    _write_csv(tmp_path / "web.csv", [4, 5, 6])
    (tmp_path / "web.yaml").write_text(
        "title: my site\ndata: web.csv\nkey: rps\nsplits: {train: [0, 2], test: [2, 3]}\n"
    )
    trace = load_trace(tmp_path / "web.yaml", scale=2)
    assert trace.counts.tolist() == [8, 10, 12]
    assert trace.split_range("test") == (2, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\n", "data"),
        ("title: x\ndata: a.txt\nsplit: {}\n", "split is not a key that is known there. Did you mean 'splits'"),
        ("title: x\ndata: ../a.txt\n", "data is '../a.txt'"),
        ("title: x\ndata: a.txt\nsplits: {train: [-1, 2]}\n", r"splits.train\[0\] is -1"),
        ("title: x\ndata: a.txt\ngenerator: {kind: magic}\n", "generator"),
        ("[1]", "holds list"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_a_faulty_card_names_the_field(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(CardError, match=message) as caught:
        load_trace(tmp_path / "bad.yaml")
    assert "bad.yaml" in str(caught.value)
