"""``ipa-gym train``: an agent learns on a pipeline, and is compared with IPA on days that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.commands import options as o

_RUN, _EVALUATION = "Run", "Evaluation"

Env = Annotated[str, typer.Option("--env", "-e", help="Pipeline: a name or a path.")]
Agent = Annotated[str, typer.Option("--agent", "-a", help="Agent that can be trained: a name or the path of a card.")]
Steps = Annotated[
    int | None, typer.Option(help="Decisions to train for, over all environments; by default the agent card's.")
]
Seed = Annotated[
    list[str] | None, typer.Option(help="3, or 0:5 for 0 to 4; several runs follow one another. By default 0.")
]
NEnvs = Annotated[int | None, typer.Option("--n-envs", help="Environments side by side; by default the agent card's.")]
TraceName = Annotated[str, typer.Option("--trace", "-t", help="Trace: a name or a path.")]
Forecast = Annotated[
    str | None, typer.Option(help="The agent's load forecast; by default its card's, or else the pipeline card's.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Override a hyperparameter of the agent card; may be repeated."),
]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="Folder of the runs: OUT/ENV/AGENT/seed-S.", rich_help_panel=_RUN)
]
Resume = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN", help="Go on with a run that was stopped; only --steps may change.", rich_help_panel=_RUN
    ),
]
CheckpointEvery = Annotated[
    int | None,
    typer.Option(metavar="STEPS", help="Steps between checkpoints; by default as --eval-every.", rich_help_panel=_RUN),
]
EvalEvery = Annotated[
    int | None,
    typer.Option(
        metavar="STEPS", help="Steps between evaluations; by default a twentieth of all.", rich_help_panel=_EVALUATION
    ),
]
EvalWindows = Annotated[
    int, typer.Option(metavar="N", help="Validation windows that each one plays.", rich_help_panel=_EVALUATION)
]
EarlyStop = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Stop after N evaluations without a better mean reward.", rich_help_panel=_EVALUATION
    ),
]
TestWindows = Annotated[
    int, typer.Option(metavar="N", help="Test windows of the comparison at the end.", rich_help_panel=_EVALUATION)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Tensorboard = Annotated[bool, typer.Option("--tensorboard/--no-tensorboard", help="Write curves for TensorBoard.")]


def train(
    context: typer.Context,
    env: Env = "video",
    agent: Agent = "ppo",
    steps: Steps = None,
    seed: Seed = None,
    n_envs: NEnvs = None,
    trace: TraceName = "twitter-like",
    forecast: Forecast = None,
    overrides: Set = None,
    out: Out = Path("runs"),
    resume: Resume = None,
    checkpoint_every: CheckpointEvery = None,
    eval_every: EvalEvery = None,
    eval_windows: EvalWindows = 32,
    early_stop: EarlyStop = None,
    test_windows: TestWindows = 48,
    quiet: Quiet = False,
    as_json: o.AsJson = False,
    tensorboard: Tensorboard = True,
) -> None:
    """Train an agent, keep the best of its evaluations, and compare it with IPA on test days.

    Learns on training days and is evaluated on their last two, which it does not learn from. At the end a table and a
    sentence say how it does on test days beside ipa and fa2-low. Ctrl-C keeps a checkpoint, from which --resume goes
    on. Watch the curves with: tensorboard --logdir runs

    [b]Examples[/b]

      ipa-gym train --env video --agent ppo
      ipa-gym train --agent ppo --seed 0:5 --steps 2_000_000 --set learning_rate=3e-4 --set net_arch=[64,64]
      ipa-gym train --agent ppo-bc --early-stop 5 --out runs/short --json
      ipa-gym train --resume runs/video/ppo/seed-0
    """
    from ipa_gym.commands.train_run import Showing, check_beside_resume, resumed, train_and_show
    from ipa_gym.training.settings import TrainingSettings

    if resume is not None:
        check_beside_resume(context)
        runs = [resumed(resume, steps=steps)]
    else:
        runs = [
            TrainingSettings(
                env=env, agent=agent, steps=steps, seed=number, n_envs=n_envs, trace=trace, forecast=forecast,
                overrides=o.parse_hyperparameters(overrides), out=out, eval_every=eval_every,
                eval_windows=eval_windows, early_stop=early_stop, checkpoint_every=checkpoint_every,
                tensorboard=tensorboard,
            )
            for number in o.parse_each_seed(seed or ["0"])
        ]  # fmt: skip
    train_and_show(runs, test_windows=test_windows, showing=Showing(quiet, as_json))
