"""How fast everything is, and what bounds it: measures, draws, and writes the tables of docs/performance.md.

Run by `make bench-speed` on a machine that does nothing else (about ten minutes). First the lean SimPy model and Ciw
must give the kernel's completions on every case; if one does not, the run stops. What was measured stays in
results/speed/, from which `--draw-only` makes pages and figures again. Where to read next: `speed_cases.py` (what is
played), `speed_contestants.py` (by whom), `speed_clock.py` (how it is timed), `speed_tables.py`, `speed_figures.py`.

    python benchmarks/speed.py [--rounds 5] [--scale 1.0] [--pulp-seconds 180] [--page docs/performance.md]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.published_runs import ROOT
from benchmarks.speed_breakdown import MANY, measure_breakdown, measure_kernel_sizes
from benchmarks.speed_cases import AXES, BASE_RPS, REQUESTS, Point
from benchmarks.speed_clock import Contestant, time_in_turn
from benchmarks.speed_contestants import ENVS, SHARED_ENVS, Field, Sizes
from benchmarks.speed_decisions import measure_decisions
from benchmarks.speed_figures import FIGURES
from benchmarks.speed_reference import Disagreement
from benchmarks.speed_results import Results, describe_machine, load_results, point_rows
from benchmarks.speed_start import measure_memory, measure_starts
from benchmarks.speed_tables import BLOCKS, END, begin_of
from ipa_gym.reproduction.blocks import write_block

PAGE, PICTURES, KEPT = ROOT / "docs" / "performance.md", ROOT / "docs" / "figures", ROOT / "results" / "speed"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    rounds: int  # of each measurement, of which the best counts
    scale: float  # of the work in each round
    pulp_s: float  # seconds for PuLP
    n_pipelines: int = 5  # synthetic pipelines of each size, for decisions


def field_of(point: Point, sizes: Sizes) -> list[Contestant]:
    """Who is timed on a case: on the base more than on the others. Raises: Disagreement."""
    field = Field(point.case, sizes)
    everywhere = [*field.everywhere(), field.vector(SHARED_ENVS, None)]
    if (point.axis, point.value) != (REQUESTS, BASE_RPS):
        return everywhere
    sizes_and_threads = [(n_envs, n_threads) for n_envs in ENVS for n_threads in (1, None)]
    many = [field.vector(*chosen) for chosen in sizes_and_threads if chosen != (SHARED_ENVS, None)]
    threaded = [one for one in many if one.n_threads > 1]
    alone = {one.n_envs: one for one in many if one.n_threads == 1}
    return [*everywhere, field.other_simpy(), field.complete(), *alone.values(), *threaded]


def measure_points(effort: Effort, say: Say) -> pl.DataFrame:
    """All cases: one row a contestant."""
    rows: list[dict[str, object]] = []
    for axis, points in AXES.items():
        for point in points():
            contestants = field_of(point, Sizes(effort.scale))
            rows += point_rows(point, contestants, time_in_turn(contestants, rounds=effort.rounds))
            say(f"{axis}: {point.case.name}, {point.value:g}")
    return pl.DataFrame(rows, infer_schema_length=None)


def measure(effort: Effort, say: Say) -> Results:
    """Everything. Raises: Disagreement if models that are to be compared do not agree."""
    rounds, scale = effort.rounds, effort.scale
    points = measure_points(effort, say)
    sizes = measure_kernel_sizes(ENVS, rounds=rounds, scale=scale)
    parts = measure_breakdown(rounds=rounds, scale=scale, many=MANY)
    say("where the time goes")
    decisions = measure_decisions(n_pipelines=effort.n_pipelines, repeats=2 * rounds, pulp_s=effort.pulp_s)
    say("decisions")
    memory = measure_memory(ENVS)  # after the compiled code is on disk: compiling takes memory too
    starts = measure_starts()
    say("starts")
    return Results(points, decisions, parts, sizes, starts, memory, describe_machine())


def write_page(results: Results, *, page: Path, pictures: Path) -> Iterator[str]:
    """Draw the figures, write the page's blocks, and return these."""
    pictures.mkdir(parents=True, exist_ok=True)
    for figure in FIGURES:
        picture, numbers = figure.draw(results)
        picture.savefig(pictures / f"{figure.name}.png", dpi=100)
        numbers.write_csv(pictures / f"{figure.name}.csv", float_precision=6)
    for name, block in BLOCKS.items():
        text = "\n".join(block(results))
        write_block(text, begin=begin_of(name), end=END, page=page)
        yield text


def main() -> int:
    """Measure everything, draw, and write the docs' blocks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement; the best counts")
    parser.add_argument("--scale", type=float, default=1.0, help="of the work in each round; a trial takes 0.05")
    parser.add_argument("--pulp-seconds", type=float, default=180.0, help="for PuLP's decisions")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page with the markers")
    parser.add_argument("--pictures", type=Path, default=PICTURES, help="folder of the figures and their tables")
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder of everything that was measured")
    parser.add_argument("--draw-only", action="store_true", help="measure nothing, show what is kept")
    arguments = parser.parse_args()
    page = arguments.page.read_text(encoding="utf-8")
    missing = [begin_of(name) for name in BLOCKS if begin_of(name) not in page]
    if missing:  # said before the minutes of measuring
        print(f"{arguments.page}: no {' and no '.join(missing)}; put each where its block belongs", file=sys.stderr)
        return 2
    started_s = time.monotonic()

    def say(done: str) -> None:
        print(f"{time.monotonic() - started_s:5.0f} s  {done}", file=sys.stderr, flush=True)

    if not arguments.draw_only:
        try:
            measure(Effort(arguments.rounds, arguments.scale, arguments.pulp_seconds), say).save(arguments.kept)
        except Disagreement as error:
            print(f"the models do not agree: {error}", file=sys.stderr)
            return 1
    for text in write_page(load_results(arguments.kept), page=arguments.page, pictures=arguments.pictures):
        print(text, end="\n\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
