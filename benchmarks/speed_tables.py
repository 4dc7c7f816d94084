"""The blocks of docs/performance.md that `make bench-speed` writes, from its results; nothing is measured here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from benchmarks.speed_breakdown import FACTOR, MANY, N_KERNEL_PARTS, PARTS
from benchmarks.speed_cases import BASE_RPS, KINDS, ONLY_REPLICAS, REQUESTS, STAGES_AXIS, VARIED_REPLICAS
from benchmarks.speed_contestants import (
    CIW,
    EPISODE_INTERVALS,
    KERNEL,
    SHARED_ENVS,
    SIMPY,
    SINGLE,
    vector_name,
)
from benchmarks.speed_decisions import EXACT, HIGHS, STAGES, VARIANTS, VIDEO
from benchmarks.speed_decisions import MANY as MANY_DECISIONS
from benchmarks.speed_results import Results
from benchmarks.speed_start import SECOND

END = "<!-- end -->"
Row = dict[str, Any]  # Any: a table's values
Lines = Iterator[str]
_KERNEL_RPS = (BASE_RPS, 34)  # loads at which the kernel is held against its target
TARGETS = {  # issue 5's, for two cores
    "vector": (300_000, "environment steps/s through Gymnasium's vector interface, video at 12 requests/s"),
    "kernel": (1_000, "times SimPy's speed, the kernel on one core, video at {} requests/s"),
    "single": (20_000, "`env.step` a second of one environment, video at 12 requests/s"),
    "video": (50e-6, "the slowest exact decision on video, 1 to 34 requests/s"),
    "large": (2e-3, "the slowest exact decision at 10 stages × 10 variants × 7 batch sizes"),
    "start": (2.0, "from the start of a second process to the end of its first `env.step`"),
}


def begin_of(block: str) -> str:
    """The marker before a block."""
    return f"<!-- begin: printed by `make bench-speed`, {block} -->"


def number(value: float | None) -> str:
    """Three significant digits, thousands set off; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.{max(0, digits)}f}"


def base_rows(results: Results) -> pl.DataFrame:
    """Everybody on the base case."""
    return results.points.filter((pl.col("axis") == REQUESTS) & (pl.col("value") == BASE_RPS))


def machine_block(results: Results) -> Lines:
    """The machine, the headline, the targets."""
    machine = dict(results.machine.iter_rows())
    cores, libraries = machine.pop("cores"), ", ".join(f"{name} {found}" for name, found in list(machine.items())[3:])
    hardware = f"{cores} cores of {machine['processor']}, {machine['memory']} of memory, {machine['system']}"
    yield f"Measured on {hardware}, with {libraries}."
    yield ""
    base = base_rows(results)
    kernel, fastest = _row(base, KERNEL), _fastest_vector(base)
    yield (
        f"**{_millions(kernel)} simulated requests a second on one core** ({number(kernel['steps_per_s'])} steps of "
        f"10 s) by the queueing kernel alone, {number(kernel['times_simpy'])} times SimPy and "
        f"{number(kernel['times_ciw'])} times Ciw on the same model and load; **{_millions(fastest)} simulated "
        f"requests a second, {number(fastest['steps_per_s'])} environment steps a second**, through Gymnasium's vector "
        f"interface with {fastest['n_envs']:,} environments, threads: {fastest['n_threads']}, resets included."
    )
    yield ""
    yield "| what | target | found | |\n|---|---|---|---|"
    yield from _targets(results)


def base_block(results: Results) -> Lines:
    """Everybody on the base case, with the peak memory of a process."""
    base = base_rows(results)
    yield "| | threads | steps/s | requests/s | ns per request and stage | × SimPy | × Ciw | × SimPy, complete |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in base.sort("n_envs", "n_threads", maintain_order=True).iter_rows(named=True):
        ratios = " | ".join(number(row[column]) for column in ("times_simpy", "times_ciw", "times_complete"))
        yield f"| {row['what']} | {row['n_threads']} | {_speeds(row)} | {ratios} |"
    yield ""
    yield "| environments | KiB each, arrays | MiB, peak of the process | MiB above imports |\n|---|---|---|---|"
    empty = float(results.memory.filter(pl.col("n_envs") == 0)["peak_bytes"][0])
    for n_envs, peak in results.memory.filter(pl.col("n_envs") > 0).iter_rows():
        each = float(base.filter(pl.col("what") == vector_name(n_envs))["bytes_per_env"][0])
        yield f"| {n_envs:,} | {each / 2**10:.1f} | {peak / 2**20:.0f} | {(peak - empty) / 2**20:.0f} |"


def growth_block(results: Results) -> Lines:
    """The same contestants along each axis."""
    for axis in (REQUESTS, STAGES_AXIS, ONLY_REPLICAS, VARIED_REPLICAS):
        yield f"| {axis} | | steps/s | requests/s | ns per request and stage | × SimPy | × Ciw | KiB an environment |"
        yield "|---|---|---|---|---|---|---|---|"
        for (value,), part in results.points.filter(pl.col("axis") == axis).group_by("value", maintain_order=True):
            shown = part.filter(pl.col("what").is_in([SIMPY, CIW, KERNEL, SINGLE]) | _shared(part))
            for index, row in enumerate(shown.iter_rows(named=True)):
                name = f"{value:,g}" if index == 0 else ""
                yield f"| {name} | {row['what']} | {_speeds(row)} | {_ratios(row)} | {_kib(row)} |"
        yield ""


def kinds_block(results: Results) -> Lines:
    """The base with one thing changed, which the lean models cannot all say."""
    yield "| | | steps/s | requests/s | ns per request and stage | × SimPy | × Ciw | × SimPy, complete |"
    yield "|---|---|---|---|---|---|---|---|"
    for (case,), part in results.points.filter(pl.col("axis") == KINDS).group_by("case", maintain_order=True):
        for index, row in enumerate(part.iter_rows(named=True)):
            complete = number(row["times_complete"])
            yield f"| {case if index == 0 else ''} | {row['what']} | {_speeds(row)} | {_ratios(row)} | {complete} |"
    yield ""
    factor = results.parts.filter((pl.col("part") == FACTOR) & (pl.col("n_envs") == 1))["ns"][0]
    yield f"Drawing one lognormal service factor (a hash, a normal number, an exponential) takes {number(factor)} ns."


def parts_block(results: Results) -> Lines:
    """What bounds a step, where its time goes, and the kernel by the number of environments."""
    yield _bounds(results)
    yield ""
    by = {(row["n_envs"], row["part"]): float(row["ns"]) for row in results.parts.iter_rows(named=True)}
    columns = sorted({n_envs for n_envs, _ in by})
    kinds = [("one environment" if n == 1 else f"{n:,} environments") + ", ns | %" for n in columns]
    yield f"| part of a step, on one thread | {' | '.join(kinds)} |\n|---|{'---|---|' * len(columns)}"
    for index, part in enumerate((*PARTS, "whole")):
        where = "kernel: " if index < N_KERNEL_PARTS else ""
        bold = "**" if part == "whole" else ""
        cells = [f"{bold}{by[n, part]:,.0f}{bold} | {100 * by[n, part] / by[n, 'whole']:.0f}" for n in columns]
        yield f"| {bold}{where}{part}{bold} | {' | '.join(cells)} |"
    resets = [f"{by[n, 'reset']:,.0f} | {100 * by[n, 'reset'] / by[n, 'whole']:.0f}" for n in columns]
    yield f"| besides: a reset, a {EPISODE_INTERVALS}th of it | {' | '.join(resets)} |"
    yield ""
    yield "| environments | state of all, MiB | the kernel's step on one thread, ns | against the least |"
    yield "|---|---|---|---|"
    least = float(results.sizes["ns"].min())  # type: ignore[arg-type]  # a column of floats
    for row in results.sizes.iter_rows(named=True):
        more = f"{100 * (row['ns'] / least - 1):+.0f} %"
        yield f"| {row['n_envs']:,} | {row['state_bytes'] / 2**20:.2f} | {row['ns']:,.0f} | {more} |"


def decisions_block(results: Results) -> Lines:
    """One decision over stages × variants."""
    found = results.decisions
    video = {row["solver"]: row for row in found.filter(pl.col("pipeline") == VIDEO).iter_rows(named=True)}
    yield (
        f"On video (2 stages × 5 variants × 4 batch sizes): exact {_us(video[EXACT]['median_s'])} µs, the slowest "
        f"{_us(video[EXACT]['worst_s'])} µs; many at once {_us(video[MANY_DECISIONS]['median_s'])} µs each; HiGHS "
        f"{1e3 * video[HIGHS]['median_s']:.1f} ms, the slowest {1e3 * video[HIGHS]['worst_s']:.1f} ms."
    )
    for solver, unit, scale in ((EXACT, "µs", 1e6), (MANY_DECISIONS, "µs", 1e6), (HIGHS, "ms", 1e3)):
        yield ""
        yield f"| {solver}, {unit}: stages \\ variants | {' | '.join(map(str, VARIANTS))} |"
        yield f"|---|{'---|' * len(VARIANTS)}"
        part = found.filter((pl.col("solver") == solver) & (pl.col("pipeline") != VIDEO))
        cells = {(row["stages"], row["variants"]): row for row in part.iter_rows(named=True)}
        for stages in STAGES:
            shown = [_decision_cell(cells.get((stages, variants)), scale) for variants in VARIANTS]
            yield f"| {stages} | {' | '.join(shown)} |"
    yield ""
    left_out = without_pulp(found)
    yield f"Left out for want of time, HiGHS: {', '.join(left_out)}." if left_out else "HiGHS solved every size."


def start_block(results: Results) -> Lines:
    """From the start of a process to the end of its first step."""
    kinds = results.starts["start"].unique(maintain_order=True).to_list()
    yield f"| seconds | {' | '.join(kinds)} |\n|---|{'---|' * len(kinds)}"
    by = {(row["start"], row["phase"]): float(row["seconds"]) for row in results.starts.iter_rows(named=True)}
    for phase in results.starts["phase"].unique(maintain_order=True):
        yield f"| {phase} | {' | '.join(f'{by[kind, phase]:.2f}' for kind in kinds)} |"
    totals = (f"**{sum(s for (start, _), s in by.items() if start == kind):.2f}**" for kind in kinds)
    yield f"| **together** | {' | '.join(totals)} |"


def quiet_block(results: Results) -> Lines:
    """How much the measurements were disturbed."""
    points = results.points
    spread = 100 * (points["median_s"] / points["best_s"] - 1)
    busy = 100 * points.filter(pl.col("n_threads") == 1)["busy"]
    worst = points.row(int(spread.arg_max() or 0), named=True)
    last = points.filter((pl.col("axis") == KINDS) & (pl.col("what") == SIMPY)).row(0, named=True)
    drift = last["ns_per_request_and_stage"] / _row(base_rows(results), SIMPY)["ns_per_request_and_stage"] - 1
    yield (
        f"{points.height} measurements of {points['rounds'].min()} to {points['rounds'].max()} rounds each. The middle "
        f"round took {spread.median():.1f} % more than the best in the median measurement, {spread.max():.0f} % in the "
        f"worst ({worst['what']}, {worst['axis']} {worst['value']:g}). Of the wall time of what runs on one thread, "
        f"the process had the processor for {busy.median():.1f} % in the median measurement, {busy.min():.1f} % in the "
        f"worst. SimPy's time for a request at 12 requests/s was {drift:+.1%} in the last case that it plays, minutes "
        "after the base case, though the work is the same: ratios to SimPy and Ciw are no surer than that."
    )


def without_pulp(decisions: pl.DataFrame) -> list[str]:
    """Sizes that PuLP's time did not suffice for."""
    solved = {(r["stages"], r["variants"]) for r in decisions.iter_rows(named=True) if r["solver"] == HIGHS}
    return [f"{stages} × {variants}" for stages in STAGES for variants in VARIANTS if (stages, variants) not in solved]


BLOCKS: Mapping[str, Callable[[Results], Lines]] = {  # name in the marker -> its lines
    "machine and targets": machine_block,
    "base case": base_block,
    "growth": growth_block,
    "other kinds": kinds_block,
    "where the time goes": parts_block,
    "decisions": decisions_block,
    "start": start_block,
    "disturbances": quiet_block,
}


def _bounds(results: Results) -> str:
    """The conclusion in words."""
    share = {}
    for n_envs in (1, MANY):
        ns = dict(results.parts.filter(pl.col("n_envs") == n_envs).select("part", "ns").iter_rows())
        share[n_envs] = sum(ns[part] for part in PARTS[:N_KERNEL_PARTS]) / ns["whole"]
    sizes = results.sizes["ns"]
    memory = float(sizes[-1]) / float(sizes.min()) - 1  # type: ignore[arg-type]  # a column of floats
    many = base_rows(results).filter(pl.col("what") == vector_name(MANY)).sort("n_threads")["steps_per_s"]
    single, vector = ("the kernel" if share[n] > 0.5 else "Python" for n in (1, MANY))
    kernel = "instructions" if memory < 1 else "memory"
    return (
        f"One environment is bound by **{single}**: the kernel has {share[1]:.0%} of its step. {MANY:,} environments "
        f"are bound by **{vector}**: the kernel has {share[MANY]:.0%} of the step. The kernel is bound by its "
        f"**{kernel}**: a step takes {memory:.0%} more where the state of all environments lies in memory than where "
        f"it lies in the cache. All cores together do {float(many[-1]) / float(many[0]):.2f} times what one does."
    )


def _targets(results: Results) -> Lines:
    points, base = results.points, base_rows(results)
    found = [("vector", "", _fastest_vector(base)["steps_per_s"]), ("single", "", _row(base, SINGLE)["steps_per_s"])]
    for rate_rps in _KERNEL_RPS:
        at_rate = points.filter((pl.col("axis") == REQUESTS) & (pl.col("value") == rate_rps))
        found.append(("kernel", rate_rps, _row(at_rate, KERNEL)["times_simpy"]))
    for key, where, value in found:
        least, what = TARGETS[key]
        yield f"| {what.format(where)} | at least {least:,} | {number(value)} | {_verdict(value >= least)} |"
    exact = results.decisions.filter(pl.col("solver") == EXACT)
    large = exact.filter((pl.col("stages") == STAGES[-1]) & (pl.col("variants") == VARIANTS[-1]))
    for key, rows in (("video", exact.filter(pl.col("pipeline") == VIDEO)), ("large", large)):
        most_s, what = TARGETS[key]
        worst_s = float(rows["worst_s"][0])
        yield f"| {what} | under {1e6 * most_s:,.0f} µs | {_us(worst_s)} µs | {_verdict(worst_s < most_s)} |"
    most_s, what = TARGETS["start"]
    start_s = float(results.starts.filter(pl.col("start") == SECOND)["seconds"].sum())
    yield f"| {what} | under {most_s:g} s | {start_s:.2f} s | {_verdict(start_s < most_s)} |"


def _verdict(reached: bool) -> str:
    return "reached" if reached else "**missed**"


def _row(table: pl.DataFrame, what: str) -> Row:
    return table.filter(pl.col("what") == what).row(0, named=True)


def _fastest_vector(base: pl.DataFrame) -> Row:
    return base.filter(pl.col("what").str.starts_with("vector")).sort("steps_per_s").row(-1, named=True)


def _shared(part: pl.DataFrame) -> pl.Expr:
    """The vector environment that every case has, on all cores."""
    name = vector_name(SHARED_ENVS)
    threads = part.filter(pl.col("what") == name)["n_threads"].max()
    return (pl.col("what") == name) & (pl.col("n_threads") == threads)


def _millions(row: Row) -> str:
    return f"{number(row['requests_per_s'] / 1e6)} million"


def _speeds(row: Row) -> str:
    return " | ".join(number(row[name]) for name in ("steps_per_s", "requests_per_s", "ns_per_request_and_stage"))


def _ratios(row: Row) -> str:
    return f"{number(row['times_simpy'])} | {number(row['times_ciw'])}"


def _kib(row: Row) -> str:
    return number(None if row["bytes_per_env"] is None else row["bytes_per_env"] / 2**10)


def _us(seconds: float) -> str:
    return number(1e6 * seconds)


def _decision_cell(row: Row | None, scale: float) -> str:
    return "–" if row is None else f"{number(scale * row['median_s'])} / {number(scale * row['worst_s'])}"
