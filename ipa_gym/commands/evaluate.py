"""``ipa-gym evaluate``: one agent, one episode, a line an interval."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.commands import options as o

Env = Annotated[str, typer.Option("--env", "-e", help="Pipeline: a name or a path.")]
TraceName = Annotated[str, typer.Option("--trace", "-t", help="Trace: a name or a path.")]
Agent = Annotated[str, typer.Option("--agent", "-a", help="Agent: a name or the path of a card.")]
Seed = Annotated[int, typer.Option(help="Seed of the arrivals.")]
Render = Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the episode into this file.")]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the intervals into this file.")]
Records = Annotated[
    Path | None,
    typer.Option(
        "--records",
        metavar="FILE",
        help="Write every request into this .parquet file, the replicas beside it.",
    ),
]
ChromeTrace = Annotated[
    Path | None, typer.Option("--chrome-trace", metavar="FILE", help="Write a Chrome trace into this .json file.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the totals, no line an interval.")]


def evaluate(
    env: Env = "video",
    trace: TraceName = "bursty",
    agent: Agent = "ipa",
    seed: Seed = 0,
    render: Render = None,
    csv: Csv = None,
    records: Records = None,
    chrome_trace: ChromeTrace = None,
    quiet: Quiet = False,
    as_json: o.AsJson = False,
    scale: o.Scale = 1.0,
    window: o.Window = None,
    split: o.Split = None,
    episode: o.Episode = None,
    key: o.Key = None,
    column: o.Column = None,
    arrivals: o.Arrivals = "poisson",
    interval: o.Interval = 10.0,
    forecast: o.Forecast = None,
    batch_cap: o.BatchCap = None,
    replica_cap: o.ReplicaCap = None,
    service_cv: o.ServiceCv = 0.0,
    service_scale: o.ServiceScale = 1.0,
    startup_scale: o.StartupScale = 1.0,
    reward: o.Set = None,
) -> None:
    """Watch one agent for one episode: a line an interval as it happens, the totals at the end.

    The seed means the same arrivals as in the benchmark. What --records and --chrome-trace hold: docs/records.md.

    [b]Examples[/b]

      ipa-gym evaluate
      ipa-gym evaluate --agent hpa --env nlp --trace fluctuating --seed 3 --render hpa.png
      ipa-gym evaluate --agent ipa --trace counts.npz --scale 0.125 --window 1301160:1302360 --json

      ipa-gym evaluate --window 480:540 --records run.parquet --chrome-trace run.json
    """
    from ipa_gym.benchmark.settings import BenchmarkSettings, EnvironmentOptions
    from ipa_gym.commands.evaluate_run import Outputs, run_and_show

    environment = EnvironmentOptions(
        scale=scale, key=key, column=column, windows=o.parse_windows(window), split=split, episode_s=episode,
        interval_s=interval, arrivals=arrivals, forecast=forecast, batch_cap=batch_cap, replica_cap=replica_cap,
        service_cv=service_cv, service_scale=service_scale, startup_scale=startup_scale,
        reward=o.parse_overrides(reward),
    )  # fmt: skip
    run_and_show(
        BenchmarkSettings((env,), (trace,), (agent,), (seed,), environment),
        Outputs(as_json, quiet, render, csv, records, chrome_trace),
    )
