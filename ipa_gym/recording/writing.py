"""Writes a recorded run into files: Parquet tables and a Chrome trace, each whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ipa_gym.errors import OptionError
from ipa_gym.files import check_output_folder, write_frame, write_text
from ipa_gym.recording.chrome_trace import chrome_trace
from ipa_gym.recording.run import RecordedRun
from ipa_gym.recording.table import replica_table, request_table


def check_paths(*, records: Path | None = None, trace: Path | None = None) -> None:
    """Before a long run: can these files be written? Nothing is made; None is not wanted.

    Raises: OptionError for another suffix than ``.parquet`` or ``.json``, or a folder that cannot be written.
    """
    for what, path, suffix in (("records", records, ".parquet"), ("Chrome trace", trace, ".json")):
        if path is not None:
            if path.suffix != suffix:
                raise OptionError(f"{what}: {path} ends with {path.suffix!r}; expected a name that ends with {suffix}")
            check_output_folder(path.parent)


def write_records(run: RecordedRun, path: Path) -> tuple[Path, Path]:
    """Write the requests' table to ``path`` and the replicas' beside it, ``-replicas`` added to its name.

    Returns: both paths.
    Raises: as `check_paths`.
    """
    check_paths(records=path)
    beside = path.with_name(f"{path.stem}-replicas{path.suffix}")
    return write_frame(request_table(run), path), write_frame(replica_table(run), beside)


def write_chrome_trace(run: RecordedRun, path: Path, *, about: Mapping[str, str | float] | None = None) -> Path:
    """Write the run as a Chrome trace; ``about`` as in `chrome_trace`. Raises: as `check_paths`."""
    check_paths(trace=path)
    trace = chrome_trace(run, about=about)
    return write_text(json.dumps(trace, ensure_ascii=False, allow_nan=False, separators=(",", ":")), path)
