"""``ipa-gym tune``: a search for an agent's hyperparameters, on all cores or a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.commands import options as o

_WHERE = "Where it runs"

Env = Annotated[str, typer.Option("--env", "-e", help="Pipeline: a name or a path.")]
Agent = Annotated[str, typer.Option("--agent", "-a", help="Agent that can be trained: a name or the path of a card.")]
Trials = Annotated[int, typer.Option(help="Trials in all; a search that was stopped goes on until there are so many.")]
Steps = Annotated[int | None, typer.Option(help="Decisions that a trial trains for; by default the agent card's.")]
Seeds = Annotated[str, typer.Option(help="Training seeds of each trial: how many, or which: 3, 3,7 or 10:20.")]
Seed = Annotated[int, typer.Option(help="Seed of the proposals.")]
TraceName = Annotated[str, typer.Option("--trace", "-t", help="Trace: a name or a path.")]
Forecast = Annotated[
    str | None, typer.Option(help="The agent's load forecast; by default its card's, or else the pipeline card's.")
]
Space = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Ranges to search; by default those that ship for the agent's algorithm."),
]
EvalWindows = Annotated[int, typer.Option(metavar="N", help="Validation windows that an evaluation plays.")]
Prune = Annotated[
    bool, typer.Option("--prune/--no-prune", help="Break off trials that are worse than the median of the finished.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the searches: OUT/ENV/AGENT.")]
EngineName = Annotated[
    str, typer.Option("--engine", help="local (processes of this machine) or ray.", rich_help_panel=_WHERE)
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Ray cluster, or auto; by default a Ray is started here.", rich_help_panel=_WHERE
    ),
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", help="Trials at once; by default one a core.", rich_help_panel=_WHERE)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def tune(
    env: Env = "video",
    agent: Agent = "ppo",
    trials: Trials = 30,
    steps: Steps = None,
    seeds: Seeds = "1",
    seed: Seed = 0,
    trace: TraceName = "twitter-like",
    forecast: Forecast = None,
    space: Space = None,
    eval_windows: EvalWindows = 32,
    prune: Prune = True,
    out: Out = Path("tuning"),
    engine: EngineName = "local",
    address: Address = None,
    jobs: Jobs = None,
    quiet: Quiet = False,
    as_json: o.AsJson = False,
) -> None:
    """Search good hyperparameters for an agent on a pipeline.

    Each trial trains with values that Optuna proposes, and is worth what training itself chooses by: the reward on the
    validation days, with violations above the limit counted more. Test days are not touched. Writes the best card, all
    trials and pictures. A search that was stopped goes on when the same command is given again.

    [b]Examples[/b]

      ipa-gym tune --env video --agent dqn --trials 40 --steps 200_000
      ipa-gym train --env video --agent tuning/video/dqn/dqn-tuned.yaml
      ipa-gym tune --agent ppo --seeds 3 --space my_ranges.yaml --out tuning/mine
      ipa-gym tune --agent ppo-residual --trials 400 --engine ray --address auto
    """
    from ipa_gym.commands.tune_run import tune_and_show
    from ipa_gym.engines import open_engine
    from ipa_gym.tuning.settings import TuningSettings

    settings = TuningSettings(
        env=env, agent=agent, trials=trials, steps=steps, seeds=o.parse_seeds(seeds), trace=trace, forecast=forecast,
        space=space, eval_windows=eval_windows, prune=prune, seed=seed, out=out,
    )  # fmt: skip
    tune_and_show(settings, open_engine(engine, jobs=jobs, address=address), quiet=quiet, as_json=as_json)
