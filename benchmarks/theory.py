"""The simulator against queueing theory over many loads: waits, queue lengths, tandems, Little's law on the cards.

Run by `make theory` (some minutes); writes its block of docs/fidelity.md and docs/figures/theory_*.png with the numbers
of each beside it as .csv. Stations and measurements are those of the tests (`tests/queueing/theory_cases.py`), the
expectations are in `tests/reference/formulas.py`; `theory_figures.py` draws. Fixed seeds: the same numbers every time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.published_runs import DOCS, ROOT
from benchmarks.theory_figures import FIGURES
from benchmarks.theory_tandem import measure_tandems
from ipa_gym.reproduction.blocks import write_block
from tests.queueing import theory_cases as cases
from tests.queueing.littles_law import STAGES, episode, mean_number, rate_times_time
from tests.queueing.stations import Estimate, sample_station

PICTURES = ROOT / "docs" / "figures"
BEGIN, END = "<!-- begin: printed by `make theory` -->", "<!-- end -->"
LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
LINE_LOADS = (*np.linspace(0.05, 0.85, 17).tolist(), *np.linspace(0.86, 0.96, 11).tolist())
LEVELS = 60
DISTANCE = (  # from theory, in standard errors; 0 where there is no doubt and no difference
    pl.when(pl.col("simulated") == pl.col("theory"))
    .then(0.0)
    .otherwise((pl.col("simulated") - pl.col("theory")) / pl.col("error"))
)
RAREST = 0.01  # probability of waiting below which a station is left out: too few requests wait
SMALLEST, RARE = 1e-3, 1e-2  # shares that are not counted, and that are counted apart
TAIL_AT = tuple(np.linspace(0.0, 7.0, 22).tolist())  # in mean waits of those who wait


@dataclass(frozen=True, slots=True)
class Curve:
    """A family of stations over the load."""

    group: str
    make: Callable[..., cases.Case]  # (parameter, load)
    parameter: float

    def at(self, load: float) -> cases.Case:
        """The station at this load."""
        return self.make(self.parameter, load)


CURVES: tuple[Curve, ...] = (
    *(Curve("M/M/c: exponential service", cases.mmc, c) for c in (1, 2, 5, 20)),
    *(Curve("M/D/c: deterministic service", cases.mdc, c) for c in (1, 2, 5, 20)),
    *(Curve("M/G/1: lognormal service", cases.lognormal, cv) for cv in (0.5, 1.0, 2.0)),
    *(Curve("M/D[b]/1: batches of up to b", cases.bulk_affine, b) for b in (2, 4, 8, 16)),
    *(Curve("M/D[b,b]/1: full batches only", cases.bulk_full, b) for b in (4, 16)),
    *(Curve("M/M[b]/1: exponential batches", cases.bulk_exponential, b) for b in (4, 16)),
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated for each point."""

    replications: int
    requests: int  # of each replication


def measure(point: tuple[Curve, float], *, effort: Effort) -> list[dict[str, object]]:
    """Rows of one station at one load: quantity, where (level or seconds), theory, mean, standard error."""
    curve, load = point
    case = curve.at(load)
    theory = case.theory
    if theory.p_wait < RAREST:
        return []
    unit_s = theory.mean_wait_s / theory.p_wait
    tail_at_s = [] if theory.wait_tail is None else [x * unit_s for x in TAIL_AT]
    samples = sample_station(
        case.tandem, requests=effort.requests, n=effort.replications, levels=LEVELS, tail_at_s=tail_at_s
    )
    rows: list[dict[str, object]] = []

    def add(quantity: str, where: float, expected: float, values: list[float]) -> None:
        found = Estimate.of(values)
        keys = {"group": curve.group, "case": case.name, "load": load, "quantity": quantity, "where": where}
        rows.append({**keys, "theory": expected, "simulated": float(found.mean), "error": float(found.error)})

    add("mean wait (s)", 0.0, theory.mean_wait_s, [sample.mean_wait_s for sample in samples])
    add("probability of waiting", 0.0, theory.p_wait, [sample.p_wait for sample in samples])
    for level in range(LEVELS):
        add("share of time waiting", level, float(theory.waiting[level]), [float(s.waiting[level]) for s in samples])
    for index, t in enumerate(tail_at_s):
        assert theory.wait_tail is not None  # tail_at_s would be empty
        add("share waiting longer", t, theory.wait_tail(t), [float(s.wait_tail[index]) for s in samples])
    return rows


def theory_lines(curve: Curve) -> list[dict[str, object]]:
    """The expectation alone over a fine grid of loads, for the lines of the figures."""
    rows: list[dict[str, object]] = []
    for load in LINE_LOADS:
        case = curve.at(load)
        keys = {"group": curve.group, "case": case.name, "load": load}
        rows.append({**keys, "mean_wait_s": case.theory.mean_wait_s, "p_wait": case.theory.p_wait})
    return rows


def measure_stations(effort: Effort) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All points and all lines, over the machine's cores."""
    points = [(curve, load) for curve in CURVES for load in LOADS]
    with ProcessPoolExecutor() as pool:
        lines = [row for rows in pool.map(theory_lines, CURVES) for row in rows]
        found = [row for rows in pool.map(partial(measure, effort=effort), points) for row in rows]
    return pl.DataFrame(found), pl.DataFrame(lines)


def measure_little() -> pl.DataFrame:
    """Both sides of Little's law on every stage of every card."""
    rows = []
    for card, stage in STAGES:
        run = episode(card)
        enter_s, leave_s = run.records.enqueue_s[stage], run.leave_s(stage)
        number, product = mean_number(enter_s, leave_s), rate_times_time(enter_s, leave_s)
        rows.append({"card": card, "stage": stage, "number": number, "rate_times_time": product})
    return pl.DataFrame(rows)


def with_distance(found: pl.DataFrame) -> pl.DataFrame:
    """The mean waits, and the shares between SMALLEST and one minus it, with their distance z from theory."""
    rarer = pl.min_horizontal("theory", 1.0 - pl.col("theory"))
    tested = found.filter((pl.col("quantity") == "mean wait (s)") | (rarer >= SMALLEST))
    return tested.with_columns(z=DISTANCE, rare=(pl.col("quantity") != "mean wait (s)") & (rarer < RARE))


def summary(tested: pl.DataFrame) -> Iterator[str]:
    """How far all points of a kind lie from theory."""
    yield "| quantity | station | points | within 2 standard errors | largest distance | median error |"
    yield "|---|---|---|---|---|---|"
    for (quantity, group), part in tested.group_by(["quantity", "group"], maintain_order=True):
        z = part["z"].abs()
        median = float((part["error"] / part["theory"]).median())  # type: ignore[arg-type]  # a float of floats
        yield f"| {quantity} | {group} | {part.height} | {(z < 2).mean():.1%} | {z.max():.1f} | {median:.2%} |"


def selection(tested: pl.DataFrame) -> Iterator[str]:
    """Mean wait and probability of waiting, in numbers, at three loads."""
    yield "| station | load | mean wait, theory (ms) | simulated | P(wait), theory | simulated |"
    yield "|---|---|---|---|---|---|"
    chosen = tested.filter(pl.col("load").is_in([0.3, 0.6, 0.9]))
    for (name, load), part in chosen.group_by(["case", "load"], maintain_order=True):
        by: Mapping[str, Mapping[str, float]] = {row["quantity"]: row for row in part.to_dicts()}
        wait, p = by["mean wait (s)"], by.get("probability of waiting")
        ms = f"{1e3 * wait['theory']:.3f} | {1e3 * wait['simulated']:.3f} ± {1.96e3 * wait['error']:.3f}"
        waits = f"{p['theory']:.4f} | {p['simulated']:.4f} ± {1.96 * p['error']:.4f}" if p else "over 0.999 | "
        yield f"| {name} | {load:g} | {ms} | {waits} |"


def tandem_table(tandem: pl.DataFrame) -> Iterator[str]:
    """Largest distance of each of Burke's consequences."""
    yield "| claim | points | largest distance in standard errors | largest standard error |"
    yield "|---|---|---|---|"
    for (claim,), part in tandem.group_by(["claim"], maintain_order=True):
        z = part.select(z=DISTANCE)["z"].abs()
        yield f"| {claim} | {part.height} | {z.max():.1f} | {part['error'].max():.2g} |"


def little_table(little: pl.DataFrame) -> Iterator[str]:
    """Both sides of Little's law, by stage."""
    yield "| card | stage | L, from sorted events | λ W, from requests | relative difference |"
    yield "|---|---|---|---|---|"
    for row in little.to_dicts():
        difference = abs(row["rate_times_time"] / row["number"] - 1)
        sides = f"{row['number']:.6f} | {row['rate_times_time']:.6f}"
        yield f"| {row['card']} | {row['stage']} | {sides} | {difference:.1e} |"


def introduction(tested: pl.DataFrame, *, effort: Effort) -> str:
    """What a point is, and how far the points are from theory."""
    common, rare = (part["z"].abs() for part in (tested.filter(~pl.col("rare")), tested.filter("rare")))
    return (
        f"Each point is the mean of {effort.replications} independent replications of {effort.requests:,} requests, of "
        "which the first tenth of the time is dropped; its standard error comes from the spread of the replications. "
        f"Of {len(common):,} points, **{(common < 2).mean():.1%} lie within two standard errors of theory** (95 % are "
        f"to be expected), and the farthest {common.max():.1f} away. Points of one station share its replications. "
        f"Shares between {SMALLEST:.1%} and {RARE:.0%} are kept apart, because few long queues decide them and the "
        f"error of some is underestimated: of {len(rare):,}, {(rare < 2).mean():.1%} lie within two standard errors, "
        f"and the farthest {rare.max():.1f} away."
    )


def report(found: pl.DataFrame, tandem: pl.DataFrame, little: pl.DataFrame, *, effort: Effort) -> str:
    """The generated part of docs/fidelity.md."""
    tested = with_distance(found)
    lines = [
        introduction(tested, effort=effort),
        "",
        *summary(tested.filter(~pl.col("rare"))),
        "",
        *(f"![{figure.title}](figures/{figure.name}.png)\n\n{figure.caption}\n" for figure in FIGURES),
        "### In numbers",
        "",
        f"Mean service time {1e3 * cases.SERVICE_S:g} ms, of a batch of k in M/D[b]/1 50 + 50 k ms. M/D[b,b]/1 starts "
        "full batches only (no batch timeout). ± is the 95 % interval.",
        "",
        *selection(tested),
        "",
        "### Tandems: Burke and Reich",
        "",
        *tandem_table(tandem),
        "",
        "### Little's law on the cards",
        "",
        "2,000 s at 8 requests/s; variants, batches and replicas change at random every 10 s, with queues, drops, "
        "switches under way, and a coefficient of variation of 0.4 in the service times.",
        "",
        *little_table(little),
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure everything, draw, and write the docs' block."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=40)
    parser.add_argument("--requests", type=int, default=50_000, help="of each replication")
    parser.add_argument("--page", type=Path, default=DOCS, help="the page with the markers")
    parser.add_argument("--pictures", type=Path, default=PICTURES, help="folder of the figures and tables")
    arguments = parser.parse_args()
    page = arguments.page.read_text(encoding="utf-8")
    missing = [marker for marker in (BEGIN, END) if marker not in page]
    if missing:  # said before the minutes of measuring
        print(f"{arguments.page}: no {' and no '.join(missing)}; put both where the block belongs", file=sys.stderr)
        return 2
    effort = Effort(arguments.replications, arguments.requests)
    found, lines = measure_stations(effort)
    tandem = measure_tandems(replications=effort.replications, requests=effort.requests)
    little = measure_little()
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    for figure in FIGURES:
        picture, numbers = figure.draw(found, lines, tandem)
        picture.savefig(arguments.pictures / f"{figure.name}.png", dpi=100)
        numbers.write_csv(arguments.pictures / f"{figure.name}.csv", float_precision=7)
    text = report(found, tandem, little, effort=effort)
    write_block(text, begin=BEGIN, end=END, page=arguments.page)
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
