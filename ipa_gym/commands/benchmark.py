"""``ipa-gym benchmark``: agents x pipelines x traces x windows x seeds, one table, results and figures in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.commands import options as o

_RUNNING = "Running"
Names = list[str] | None
Env = Annotated[Names, typer.Option("--env", "-e", help="Pipelines: names or paths; by default all five.")]
Traces = Annotated[
    Names, typer.Option("--trace", "-t", help="Traces: names or paths; by default the four 1,200 s loads.")
]
Agents = Annotated[
    Names,
    typer.Option("--agent", "-a", help="Agents: names, paths of cards, folders of training runs; by default all."),
]
Seeds = Annotated[str, typer.Option(help="How many seeds, or which: 5, 3,7 or 10:20.")]
Windows = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Held-out windows of each trace that is longer than an episode; by default 10, or as many as fit.",
    ),
]
Studies = Annotated[
    Names,
    typer.Option("--study", help="main, preferences, forecasts, intervals, windows, decision-time; by default main."),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for results, figures, and the store of all episodes.")]
Format = Annotated[str, typer.Option("--format", help="parquet or csv.")]
Engine = Annotated[str, typer.Option(help="local (this machine's cores) or ray (a cluster).", rich_help_panel=_RUNNING)]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Of a Ray cluster, or auto; without it, Ray is started here for the run.",
        rich_help_panel=_RUNNING,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", help="Episodes at the same time; by default one a core.", rich_help_panel=_RUNNING),
]


def benchmark(
    env: Env = None,
    trace: Traces = None,
    agent: Agents = None,
    seeds: Seeds = "5",
    windows: Windows = None,
    study: Studies = None,
    out: Out = Path("results"),
    file_format: Format = "parquet",
    as_json: o.AsJson = False,
    engine: Engine = "local",
    address: Address = None,
    jobs: Jobs = None,
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

    Prints a table a pipeline (means ± 95 % intervals over seeds) and who leads, and writes to the folder: episodes,
    series, summary (Parquet or CSV), settings.json, table.md, league.md and figures. Every agent meets the same
    arrivals. Each finished episode is kept in the folder's store at once and never run again: a run that was stopped
    goes on where it stood, and another agent, seed or pipeline runs only what is new (docs/benchmark.md).

    --env, --trace, --agent and --study may be given several times, or with commas. What is given goes before a study's
    own.

    [b]Examples[/b]

      ipa-gym benchmark
      ipa-gym benchmark --env video --agent ipa,hpa --seeds 10 --out results/video
      ipa-gym benchmark --env my.yaml --trace my_counts.csv --window 0:1200 --window 3600:4800
      ipa-gym benchmark --env nlp --forecast holt --set alpha=20 --format csv

      ipa-gym benchmark --trace twitter-like --windows 20 --agent ipa-exact,runs/video/ppo --env video
      ipa-gym benchmark --study preferences,forecasts
      ipa-gym benchmark --engine ray --address auto
    """
    from ipa_gym.benchmark.settings import EnvironmentOptions
    from ipa_gym.commands.benchmark_run import BenchmarkRequest, EngineRequest, run_and_show

    environment = EnvironmentOptions(
        scale=scale, key=key, column=column, windows=o.parse_windows(window), split=split, episode_s=episode,
        interval_s=interval, arrivals=arrivals, forecast=forecast, batch_cap=batch_cap, replica_cap=replica_cap,
        service_cv=service_cv, service_scale=service_scale, startup_scale=startup_scale,
        reward=o.parse_overrides(reward),
    )  # fmt: skip
    run_and_show(
        BenchmarkRequest(env, trace, agent, seeds, windows, study, environment),
        EngineRequest(engine, address, jobs),
        out,
        file_format=file_format,
        as_json=as_json,
    )
