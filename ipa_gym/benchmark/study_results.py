"""Puts the results of a study with several variants on disk: episodes, summary and table, each with the setting.

Its figures are the report's business (`ipa_gym/report/`). A study of one variant is written like any benchmark, by
`writing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipa_gym.benchmark.provenance import provenance
from ipa_gym.benchmark.runner import BenchmarkRun
from ipa_gym.benchmark.statistics import summarise
from ipa_gym.benchmark.studies import SETTING
from ipa_gym.benchmark.table import METRICS, markdown
from ipa_gym.benchmark.writing import SETTINGS_FILE
from ipa_gym.files import write_frame, write_json, write_text

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class StudyRun:
    """The runs of one variant of a study."""

    label: str
    runs: tuple[BenchmarkRun, ...]

    def episodes(self) -> pl.DataFrame:
        """A row an episode, the variant's label in the column ``setting`` in front."""
        import polars as pl

        rows = pl.concat([run.episodes for run in self.runs])
        return rows.select(pl.lit(self.label).alias(SETTING), pl.all())


def study_summary(runs: Sequence[StudyRun]) -> pl.DataFrame:
    """Means and intervals of each variant: the columns of `summarise`, ``setting`` in front."""
    import polars as pl

    parts = [(run.label, summarise(run.episodes(), METRICS)) for run in runs]
    return pl.concat([part.select(pl.lit(label).alias(SETTING), pl.all()) for label, part in parts])


def labelled(summary: pl.DataFrame) -> pl.DataFrame:
    """The summary as tables show it: agent and setting as one name, the settings of an agent together."""
    import polars as pl

    order = {
        column: {name: place for place, name in enumerate(summary[column].unique(maintain_order=True).to_list())}
        for column in ("pipeline", "agent", SETTING)
    }
    ranks = [pl.col(column).replace_strict(places) for column, places in order.items()]
    named = pl.when(pl.col(SETTING) == "").then("agent").otherwise(pl.concat_str("agent", SETTING, separator=", "))
    return summary.sort(ranks, maintain_order=True).select(pl.exclude(SETTING, "agent"), named.alias("agent"))


def write_study(runs: Sequence[StudyRun], folder: Path, *, command: str | None, file_format: str) -> list[Path]:
    """Write everything into ``folder``, ``settings.json`` last. Returns: the files."""
    import polars as pl

    folder.mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS_FILE).unlink(missing_ok=True)
    summary = study_summary(runs)
    origins: dict[str, Any] = {  # Any: what JSON can hold
        run.label: [provenance(one, command=command) for one in run.runs] for run in runs
    }
    return [
        write_frame(pl.concat([run.episodes() for run in runs]), folder / f"episodes.{file_format}"),
        write_frame(summary, folder / f"summary.{file_format}"),
        write_text(markdown(labelled(summary)), folder / "table.md"),
        write_json({"command": command, "variants": origins}, folder / SETTINGS_FILE),
    ]
