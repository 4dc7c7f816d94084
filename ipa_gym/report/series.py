"""Time series: load, capacity, cost, PAS, latency and decisions of one run an agent, as in the paper's Figs. 8 to 12.

`series_rows` takes one seed's runs out of the store, in the first window of each load; `series_section` packs them for
the page, at most `MOST_INTERVALS` intervals, and says what it left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipa_gym.benchmark.figures import trace_groups
from ipa_gym.benchmark.figures_series import decisions_figure, series_figure
from ipa_gym.report.cells import compact
from ipa_gym.report.section import Picture, Section
from ipa_gym.store import KEY, Key, Store

if TYPE_CHECKING:
    import polars as pl

READING = (
    "Each line is one agent on the same arrivals: capacity should stay above the load (grey), the 99th percentile of "
    "the latency below the SLA (red); below, what each agent decided for every stage."
)
COMMAND = "ipa-gym benchmark"
MOST_INTERVALS = 150_000  # in the page: some 15 MB
_ALONE = ("capacity_rps", "cost_cores", "pas", "latency_p99_s", "forecast_rps")


def series_rows(main: pl.DataFrame, store: Store) -> pl.DataFrame:
    """The intervals of one run of each pipeline, load and agent: first window, lowest seed, first training seed.

    Returns: pipeline, trace, window, agent, training_seed, seed, sla_s, and the fields of `intervals_series`, a row an
        interval.
    """
    import polars as pl

    one = main.unique(["pipeline", "trace", "agent"], keep="first", maintain_order=True)
    seeds = main.group_by("pipeline", "trace", maintain_order=True).agg(pl.col("window").first(), pl.col("seed").min())
    shared = main.join(seeds, on=["pipeline", "trace", "window", "seed"], how="semi", maintain_order="left")
    chosen = pl.concat([shared, one]).unique(["pipeline", "trace", "agent"], keep="first", maintain_order=True)
    keys = [Key(*row) for row in chosen.select(KEY).iter_rows()]
    found = store.read([*KEY, "sla_s", "intervals_series"], keys=keys)
    ordered = chosen.select(KEY).join(found, on=KEY, how="inner", maintain_order="left")
    return ordered.explode("intervals_series").drop_nulls("intervals_series").unnest("intervals_series")


def series_section(series: pl.DataFrame, n_runs: int) -> Section:
    """The section; without data where no run has kept its intervals.

    Args:
        series: what `series_rows` gave.
        n_runs: how many runs there are in all.
    """
    if series.height == 0:
        return Section("series", "Time series", READING, COMMAND)
    import polars as pl

    groups: list[dict[str, Any]] = []
    n_intervals = n_shown = n_left_out = 0
    for (pipeline, trace), part in series.group_by("pipeline", "trace", maintain_order=True):
        agents = part["agent"].n_unique()
        if n_intervals + part.height > MOST_INTERVALS:
            n_left_out += agents
            continue
        n_intervals, n_shown = n_intervals + part.height, n_shown + agents
        runs = {str(agent): rows for (agent,), rows in part.group_by("agent", maintain_order=True)}
        groups.append({"pipeline": pipeline, "trace": trace, **_shared(part), **_runs(runs)})
    notes = [f"One seed and the first window of each load: {n_shown:,} of {n_runs:,} runs."]
    if n_left_out:
        notes.append(f"{n_left_out:,} of these series are left out, to keep the page small; the figures have them.")
    pictures = []
    for pipeline in series["pipeline"].unique(maintain_order=True).to_list():
        pictures += _pictures(series.filter(pl.col("pipeline") == pipeline), str(pipeline))
    return Section("series", "Time series", READING, COMMAND, {"groups": groups}, notes=notes, pictures=pictures)


def _shared(part: pl.DataFrame) -> dict[str, Any]:
    """What all agents of a pipeline and load have in common."""
    import polars as pl

    first = part.filter(pl.col("agent") == part["agent"][0])
    n_stages = len(part["variants"][0])
    return {
        "window": part["window"][0],
        "seed": int(part["seed"][0]),
        "sla_s": float(part["sla_s"][0]),
        "time_s": compact(first["time_s"], 7),
        "load_mean_rps": compact(first["load_mean_rps"]),
        "load_max_rps": compact(first["load_max_rps"]),
        "variants": [part["variants"].list.get(stage).unique().sort().to_list() for stage in range(n_stages)],
    }


def _runs(runs: dict[str, pl.DataFrame]) -> dict[str, Any]:
    """A list of each quantity a run; of variants, their places in the list that the runs share."""
    import polars as pl

    together = pl.concat(list(runs.values()))
    n_stages = len(together["variants"][0])
    places = [
        {name: place for place, name in enumerate(together["variants"].list.get(stage).unique().sort().to_list())}
        for stage in range(n_stages)
    ]
    packed = {}
    for agent, rows in runs.items():
        packed[agent] = {name: compact(rows[name]) for name in _ALONE} | {
            "seed": int(rows["seed"][0]),
            "training_seed": str(rows["training_seed"][0]),
            "time_s": compact(rows["time_s"], 7),
            "variants": [[places[s][name] for name in rows["variants"].list.get(s)] for s in range(n_stages)],
            "replicas": [rows["replicas"].list.get(s).to_list() for s in range(n_stages)],
            "batches": [rows["batches"].list.get(s).to_list() for s in range(n_stages)],
        }
    return {"agents": packed}


def _pictures(series: pl.DataFrame, pipeline: str) -> list[Picture]:
    import polars as pl

    traces = series["trace"].unique(maintain_order=True).to_list()
    pictures = []
    for ending, shown in trace_groups(traces):
        part = series.filter(pl.col("trace").is_in(shown))
        flat = part.drop("variants", "batches", "replicas")
        draw = _drawing(series_figure, part, pipeline, shown)
        pictures.append(Picture(f"series-{pipeline}{ending}", draw, flat))
    for trace in traces:
        part = series.filter(pl.col("trace") == trace)
        draw = _drawing(decisions_figure, part, pipeline, trace)
        pictures.append(Picture(f"decisions-{pipeline}-{trace}", draw, _decision_table(part)))
    return pictures


def _drawing(draw: Any, *arguments: Any) -> Any:  # Any: a figure's function and what it takes
    return lambda: draw(*arguments)


def _decision_table(series: pl.DataFrame) -> pl.DataFrame:
    """A row an interval and stage: what CSV can hold."""
    import polars as pl

    names = ["pipeline", "trace", "window", "agent", "training_seed", "seed", "time_s"]
    lists = ["variants", "replicas", "batches"]
    stages = pl.int_ranges(1, pl.col("variants").list.len() + 1).alias("stage")
    rows = series.select(*names, stages, *lists).explode("stage", *lists)
    return rows.rename({"variants": "variant", "batches": "batch"})
