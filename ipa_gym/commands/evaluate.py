"""``ipa-gym evaluate``: one agent for one episode, or agents against each other on held-out windows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ipa_gym.commands import options as o

if TYPE_CHECKING:
    from ipa_gym.commands.evaluate_request import EvaluateRequest, Outputs

_HELD_OUT = "Against others, on held-out windows"
Names = list[str] | None
Env = Annotated[str, typer.Option("--env", "-e", help="Pipeline: a name or a path.")]
TraceName = Annotated[
    str | None,
    typer.Option("--trace", "-t", help="Trace: a name or a path; by default bursty, on held-out windows twitter-like."),
]
Agents = Annotated[
    Names,
    typer.Option(
        "--agent", "-a", help="Agent: a name, the path of a card, or the folder of a training run; by default ipa."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of the arrivals.")]
Against = Annotated[
    Names,
    typer.Option(
        "--against",
        help="Agents to compare with, window by window; several with commas.",
        rich_help_panel=_HELD_OUT,
    ),
]
Windows = Annotated[
    int | None,
    typer.Option(
        "--windows",
        metavar="N",
        help="How many windows; by default 40, or as many as fit without overlap.",
        rich_help_panel=_HELD_OUT,
    ),
]
Render = Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the episode into this file.")]
Csv = Annotated[
    Path | None,
    typer.Option(
        "--csv", metavar="FILE", help="Write the intervals, or a row a window (.csv or .parquet), into this file."
    ),
]
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
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Only the totals, no line an interval; only the verdicts, no table.")
]


def evaluate(
    env: Env = "video",
    trace: TraceName = None,
    agent: Agents = None,
    against: Against = None,
    windows: Windows = None,
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

    With --against or --windows, play agents on the same held-out windows of the test split instead, and say how far
    apart they are with a 95 % interval (docs/evaluation.md). --agent and --against may be given several times, or with
    commas; a folder with seed-0, seed-1, ... is one agent trained several times. --split validation plays the days that
    agents are chosen on.

    [b]Examples[/b]

      ipa-gym evaluate
      ipa-gym evaluate --agent hpa --env nlp --trace fluctuating --seed 3 --render hpa.png
      ipa-gym evaluate --agent ipa --trace counts.npz --scale 0.125 --window 1301160:1302360 --json

      ipa-gym evaluate --window 480:540 --records run.parquet --chrome-trace run.json

      ipa-gym evaluate --agent ipa-exact --against hpa,fa2-low --windows 20
      ipa-gym evaluate --agent runs/video/ppo --against ipa --csv windows.csv
    """
    from ipa_gym.benchmark.settings import EnvironmentOptions
    from ipa_gym.commands.evaluate_request import EvaluateRequest, Outputs

    environment = EnvironmentOptions(
        scale=scale, key=key, column=column, windows=o.parse_windows(window), split=split, episode_s=episode,
        interval_s=interval, arrivals=arrivals, forecast=forecast, batch_cap=batch_cap, replica_cap=replica_cap,
        service_cv=service_cv, service_scale=service_scale, startup_scale=startup_scale,
        reward=o.parse_overrides(reward),
    )  # fmt: skip
    agents, baselines = o.named("--agent", agent) or ("ipa",), o.split_commas(against)
    _run(
        EvaluateRequest(env, trace, agents, baselines, windows, seed, environment),
        Outputs(as_json, quiet, render, csv, records, chrome_trace),
    )


def _run(request: EvaluateRequest, outputs: Outputs) -> None:
    if request.on_windows:
        from ipa_gym.commands.evaluate_paired_run import run_and_show

        run_and_show(request, outputs)
    else:
        from ipa_gym.commands.evaluate_run import run_and_show as watch

        watch(request.episode(), outputs)
