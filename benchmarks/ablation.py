"""The paper's predictor ablation in our simulator: SLA violations of IPA by forecast, beside the published ones.

Run by `make ablation`; writes its block of docs/fidelity.md, docs/figures/ablation.png and .csv. Plays the paper's
bursty window of the real Twitter counts and the shipped trace `bursty`; without the real counts it plays and prints the
latter alone and leaves the docs as they are. Next: `ablation_tables.py`, `ablation_figure.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from ipa_gym.env import PipelineEnv
from ipa_gym.reproduction.blocks import write_block
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.ablation_figure import ablation_figure
from benchmarks.ablation_tables import report
from benchmarks.published_runs import (
    DATA,
    DOCS,
    LOADS,
    PIPELINES,
    ROOT,
    SCALE,
    RunSetting,
    card_setting,
    play,
    published_setting,
)

FIGURE = ROOT / "docs" / "figures" / "ablation.png"
BEGIN = "<!-- begin: printed by `make ablation` -->"
FORECASTS = ("perfect", "holt", "max", "reactive")
PAIR = ("perfect", "reactive")  # the two whose order the paper's ablation gives
ARRIVALS = ("exact", "poisson")
STARTUP_SCALES = (0.0, 1.0, 1.5, 2.0, 3.0)  # times the cards' startup times
PHASES_S = range(10)  # seconds by which the decisions' grid is shifted against the load: a whole interval of them
MARGIN_S = (120, 20)  # seconds around the window that history and a perfect forecast look at
SETTINGS: Mapping[str, Callable[[str], RunSetting]] = {
    "published": cache(lambda pipeline: published_setting(pipeline, "bursty", "IPA")),
    "card": cache(lambda pipeline: card_setting(pipeline, "IPA")),
}


@dataclass(frozen=True, slots=True)
class Load:
    """A load and the window of it that is played."""

    name: str
    trace: Trace
    window: tuple[int, int]  # seconds of the trace, [from, to)

    def windows(self, phase_s: int) -> tuple[tuple[int, int], ...]:
        """The window with its last ``phase_s`` seconds played first: the same requests under a shifted grid."""
        start, end = self.window
        return ((end - phase_s, end), (start, end - phase_s)) if phase_s else (self.window,)


@dataclass(frozen=True, slots=True)
class Plan:
    """One episode to play."""

    load: Load
    pipeline: str
    setting: str  # a key of SETTINGS
    arrivals: str
    startup_scale: float
    forecast: str
    phase_s: int
    seed: int


@dataclass(frozen=True, slots=True)
class Episode:
    """What an episode came to."""

    load: str
    pipeline: str
    setting: str
    arrivals: str
    startup_scale: float
    forecast: str
    phase_s: int
    seed: int
    sla_s: float
    requests: int
    violations: int  # late, dropped, or inside and overdue at the end
    dropped: int
    longest_s: float  # longest latency of a completed request
    cost_cores: float  # mean, what is starting and leaving included
    pas: float  # mean, times 100


def real_load(counts: Path) -> Load:
    """The paper's bursty window of the real counts, with the seconds around it that are looked at."""
    trace = load_trace(counts, scale=SCALE)
    ((start, end),) = LOADS["bursty"]
    before, after = MARGIN_S
    excerpt = Trace(name="real counts", counts=trace.counts[start - before : end + after], source=trace.source)
    return Load("real counts", excerpt, (before, before + end - start))


def shipped_load() -> Load:
    """The shipped trace that stands for that window."""
    trace = load_trace("bursty")
    return Load("trace bursty", trace, (0, len(trace.counts)))


def plans(loads: Sequence[Load], *, n_seeds: int) -> Iterator[Plan]:
    """All episodes: every forecast at the cards' startup times, the pair at others and with the cards' own settings."""
    cases = [("published", scale, f) for scale in STARTUP_SCALES for f in (FORECASTS if scale == 1.0 else PAIR)]
    cases += [("card", 1.0, forecast) for forecast in PAIR]
    for load in loads:
        for pipeline in PIPELINES:
            for setting, scale, forecast in cases:
                for arrivals in ARRIVALS:
                    for phase_s in PHASES_S:
                        for seed in range(n_seeds):
                            yield Plan(load, pipeline, setting, arrivals, scale, forecast, phase_s, seed)


def play_plan(plan: Plan) -> Episode:
    """Play one episode of IPA and measure it."""
    setting = SETTINGS[plan.setting](plan.pipeline)
    env = PipelineEnv(
        setting.pipeline,
        plan.load.trace,
        windows=plan.load.windows(plan.phase_s),
        arrivals=plan.arrivals,
        forecast=plan.forecast,
        startup_scale=plan.startup_scale,
    )
    play(env, setting.make_policy(env), seed=plan.seed)
    return Episode(
        load=plan.load.name,
        pipeline=plan.pipeline,
        setting=plan.setting,
        arrivals=plan.arrivals,
        startup_scale=plan.startup_scale,
        forecast=plan.forecast,
        phase_s=plan.phase_s,
        seed=plan.seed,
        sla_s=env.pipeline.sla_s,
        requests=sum(row.outcome.arrivals for row in env.rows),
        violations=sum(row.violations for row in env.rows),
        dropped=sum(row.outcome.dropped for row in env.rows),
        longest_s=max(float(row.outcome.latency_s.max(initial=0.0)) for row in env.rows),
        cost_cores=float(np.mean([row.cost_cores for row in env.rows])),
        pas=100 * float(np.mean([row.pas for row in env.rows])),
    )


def summarise(episodes: pl.DataFrame) -> pl.DataFrame:
    """Mean, least and most of each case over phases and seeds."""
    case = ["load", "pipeline", "setting", "arrivals", "startup_scale", "forecast", "sla_s"]
    return episodes.group_by(case, maintain_order=True).agg(
        pl.len().alias("episodes"),
        pl.col("requests").mean(),
        pl.col("violations").mean(),
        pl.col("violations").min().alias("violations_least"),
        pl.col("violations").max().alias("violations_most"),
        pl.col("dropped").mean(),
        pl.col("longest_s").mean().alias("longest_mean_s"),
        pl.col("longest_s").max().alias("longest_most_s"),
        pl.col("cost_cores").mean(),
        pl.col("pas").mean(),
    )


def main() -> int:
    """Play everything; write the docs' block, the figure and its numbers where the real counts are at hand."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=Path, default=DATA / "twitter_rps.npz", help="the real per-second counts")
    parser.add_argument("--seeds", type=int, default=1, help="seeds at each of the ten phases")
    arguments = parser.parse_args()
    complete = arguments.counts.is_file()
    if not complete:
        print(
            f"{arguments.counts}: no such file (--counts); trace bursty alone, docs left as they are", file=sys.stderr
        )
    loads = [real_load(arguments.counts)] if complete else []
    with ProcessPoolExecutor() as pool:
        played = pool.map(play_plan, plans([*loads, shipped_load()], n_seeds=arguments.seeds), chunksize=20)
        episodes = pl.DataFrame(list(played))
    cases = summarise(episodes)
    text = report(episodes, cases)
    print(text)
    if complete:
        write_block(text, begin=BEGIN, page=DOCS)
        FIGURE.parent.mkdir(parents=True, exist_ok=True)
        cases.write_csv(FIGURE.with_suffix(".csv"), float_precision=4)
        ablation_figure(cases).savefig(FIGURE, dpi=110)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
