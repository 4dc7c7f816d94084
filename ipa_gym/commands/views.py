"""Tables that only the command line shows: contents, a trace's statistics, a pipeline, an episode step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from ipa_gym.benchmark.episode import EpisodeResult
    from ipa_gym.episode import IntervalRow
    from ipa_gym.pipeline import Pipeline

KIND_TITLES: Mapping[str, str] = {
    "envs": "pipelines (--env)",
    "traces": "traces (--trace)",
    "agents": "agents (--agent)",
}
STEP_COLUMNS: tuple[tuple[str, int], ...] = (
    ("time s", 6),
    ("load", 6),
    ("max", 5),
    ("forecast", 8),
    ("queue", 6),
    ("p99 s", 6),
    ("viol.", 6),
    ("drops", 6),
    ("PAS %", 6),
    ("cores", 6),
    ("reward", 8),
)


def plain_table(headers: Sequence[tuple[str, bool]]) -> Table:
    """A table with these headers; True: numbers, to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header, is_number in headers:
        table.add_column(header, justify="right" if is_number else "left")
    return table


def titled(title: str, table: Table) -> Group:
    """The table under its title, which may be wider."""
    from rich.console import Group
    from rich.text import Text

    return Group(Text(title, style="bold"), table)


def contents_table(kind: str, entries: Sequence[Mapping[str, str]]) -> Group:
    """Name and title of each card of a kind."""
    table = plain_table([("name", False), ("what it is", False)])
    for entry in entries:
        table.add_row(entry["name"], entry["title"])
    return titled(KIND_TITLES[kind], table)


def figures_table(title: str, figures: Mapping[str, object]) -> Group:
    """Named figures, a line each; lists are joined, None is a dash."""
    table = plain_table([("figure", False), ("value", True)])
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), _shown(value))
    return titled(title, table)


def compared_table(title: str, figures: Mapping[str, object], real: Mapping[str, object]) -> Group:
    """Named figures beside those of the real load."""
    table = plain_table([("figure", False), ("this trace", True), ("real load", True)])
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), _shown(value), _shown(real[name]) if name in real else "")
    return titled(title, table)


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def pipeline_tables(pipeline: Pipeline) -> list[Group]:
    """A table a stage: each variant's accuracy, cores, startup, latency and throughput at batch 1 and at the cap."""
    tables = []
    cap = pipeline.batch_cap
    headers = [("variant", False)] + [
        (name, True)
        for name in (
            "accuracy %",
            "cores",
            "startup s",
            "latency b=1 s",
            "rps b=1",
            f"latency b={cap} s",
            f"rps b={cap}",
        )
    ]
    for number, stage in enumerate(pipeline.stages, start=1):
        table = plain_table(headers)
        for v in stage.variants:
            batches = [(v.batch_latency_s(b), v.throughput_rps(b)) for b in (1, cap)]
            figures = [v.accuracy, v.cores, v.startup_s, *(number for pair in batches for number in pair)]
            table.add_row(v.name, *(f"{figure:.4g}" for figure in figures))
        tables.append(titled(f"stage {number}: {stage.name}", table))
    return tables


def pipeline_line(pipeline: Pipeline) -> str:
    """The pipeline's limits and objective in words."""
    o = pipeline.objective
    return (
        f"{pipeline.name}: {pipeline.title}\n"
        f"SLA {pipeline.sla_s:g} s, drops after {pipeline.drop_after_s:g} s, "
        f"batch timeout {pipeline.batch_timeout_s:g} s, batch cap {pipeline.batch_cap}, "
        f"replica cap {pipeline.replica_cap}, slowdown {pipeline.slowdown:g} (in the latencies below), "
        f"forecast {pipeline.forecast}\n"
        f"reward: {o.alpha:g} x {o.accuracy_measure} - {o.beta:g} x cores - {o.delta:g} x batch sizes - "
        f"{o.rho:.4g} x violations per expected request"
    )


def step_header() -> str:
    """Header of the lines of `step_line`."""
    return "  ".join(name.rjust(width) for name, width in STEP_COLUMNS) + "  decision"


def step_line(pipeline: Pipeline, row: IntervalRow) -> str:
    """One interval of an episode on one line."""
    import numpy as np

    latency_s = row.outcome.latency_s
    cells = (
        f"{row.start_s + row.interval_s:g}",
        f"{row.load_mean_rps:.1f}",
        f"{row.load_max_rps:.0f}",
        f"{row.forecast_rps:.1f}",
        str(int(row.outcome.queue_requests.sum())),
        f"{np.percentile(latency_s, 99):.2f}" if latency_s.size else "-",
        str(row.violations),
        str(row.outcome.dropped),
        f"{100 * row.pas:.2f}",
        f"{row.cost_cores:.1f}",
        f"{row.reward:.3f}",
    )
    numbers = "  ".join(cell.rjust(width) for cell, (_, width) in zip(cells, STEP_COLUMNS, strict=True))
    return f"{numbers}  {decision_text(pipeline, row)}"


def decision_text(pipeline: Pipeline, row: IntervalRow) -> str:
    """``yolov5n x3 b1 | resnet18 x2 b1``."""
    return " | ".join(
        f"{stage.variants[choice.variant].name} x{choice.replicas} b{choice.batch}"
        for stage, choice in zip(pipeline.stages, row.decision.stages, strict=True)
    )


def totals_table(result: EpisodeResult) -> Group:
    """An episode's totals."""
    from dataclasses import asdict

    figures = asdict(result)
    names = [str(figures.pop(name)) for name in ("agent", "pipeline", "trace", "seed")]
    return figures_table("{} on {} under {}, seed {}".format(*names), figures)
