"""``ipa-gym benchmark``: agents x pipelines x traces x seeds, one table, results and figures in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.commands import options as o

Names = list[str] | None
Env = Annotated[Names, typer.Option("--env", "-e", help="Pipelines: names or paths; by default all five.")]
Traces = Annotated[
    Names, typer.Option("--trace", "-t", help="Traces: names or paths; by default the four 1,200 s loads.")
]
Agents = Annotated[Names, typer.Option("--agent", "-a", help="Agents: names or paths of cards; by default all.")]
Seeds = Annotated[str, typer.Option(help="How many seeds, or which: 5, 3,7 or 10:20.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for results and figures.")]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", help="Processes; by default one a core.")]
Format = Annotated[str, typer.Option("--format", help="parquet or csv.")]


def benchmark(
    env: Env = None,
    trace: Traces = None,
    agent: Agents = None,
    seeds: Seeds = "5",
    out: Out = Path("results"),
    jobs: Jobs = None,
    file_format: Format = "parquet",
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
    """Run agents on pipelines under loads, several seeds each, and compare them.

    Prints a table a pipeline (means ± 95 % intervals over seeds) and writes to the folder: episodes, series, summary
    (Parquet or CSV), settings.json, table.md and figures. Every agent meets the same arrivals. A run that was stopped
    goes on where it stood when the same command is given again.

    --env, --trace and --agent may be given several times, or with commas.

    [b]Examples[/b]

      ipa-gym benchmark
      ipa-gym benchmark --env video --agent ipa,hpa --seeds 10 --out results/video
      ipa-gym benchmark --env my.yaml --trace my_counts.csv --window 0:1200 --window 3600:4800
      ipa-gym benchmark --env nlp --forecast holt --set alpha=20 --format csv
    """
    from ipa_gym.benchmark.settings import EnvironmentOptions
    from ipa_gym.commands.benchmark_run import BenchmarkRequest, run_and_show

    environment = EnvironmentOptions(
        scale=scale, key=key, column=column, windows=o.parse_windows(window), split=split, episode_s=episode,
        interval_s=interval, arrivals=arrivals, forecast=forecast, batch_cap=batch_cap, replica_cap=replica_cap,
        service_cv=service_cv, service_scale=service_scale, startup_scale=startup_scale,
        reward=o.parse_overrides(reward),
    )  # fmt: skip
    run_and_show(
        BenchmarkRequest(env, trace, agent, seeds, environment),
        out,
        jobs=jobs,
        file_format=file_format,
        as_json=as_json,
    )
