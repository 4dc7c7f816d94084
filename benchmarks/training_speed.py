"""How fast agents learn, and where the time goes: environments, network, gradient steps, stable-baselines3's own work.

    python benchmarks/training_speed.py [--steps 1000000] [--page docs/training.md]

Each agent trains on video with its card's values as ``ipa-gym train`` does, evaluations, checkpoints and TensorBoard
included, in a temporary folder. The parts are timed inside that very run. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.published_runs import ROOT
from ipa_gym.reproduction.blocks import write_block
from ipa_gym.training import checkpoints, evaluation_callback, learning
from ipa_gym.training.inputs import TrainingInputs
from ipa_gym.training.learners import Learner
from ipa_gym.training.settings import TrainingSettings

BEGIN, END = "<!-- begin: printed by `python benchmarks/training_speed.py` -->", "<!-- end -->"
AGENTS = ("ppo", "maskable-ppo", "ppo-residual")
TARGET_S, TARGET_STEPS = 180.0, 1_000_000
ENVIRONMENT, NETWORK, GRADIENT, EVALUATION, CHECKPOINT = (
    "environments",
    "network",
    "gradient steps",
    "evaluations",
    "checkpoints",
)


@dataclass(slots=True)
class Stopwatch:
    """Seconds spent in named parts; a part inside another is taken out of it."""

    spent_s: dict[str, float] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time added to a part."""

        @functools.wraps(function)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            self.open.append(name)
            try:
                return function(*arguments, **named)
            finally:
                taken_s = time.perf_counter() - started
                self.open.pop()
                self.spent_s[name] = self.spent_s.get(name, 0.0) + taken_s
                if self.open:
                    self.spent_s[self.open[-1]] = self.spent_s.get(self.open[-1], 0.0) - taken_s

        return wrapped


@dataclass(frozen=True, slots=True)
class Measured:
    """One run."""

    agent: str
    steps: int
    whole_s: float
    parts_s: dict[str, float]


def measure(agent: str, steps: int) -> Measured:
    """Train once and time the parts."""
    watch = Stopwatch()
    prepare, evaluate, save = learning.prepare, evaluation_callback.EvaluationCallback._run, checkpoints.save_checkpoint

    def prepare_timed(settings: TrainingSettings, inputs: TrainingInputs | None = None) -> learning.Run:
        run = prepare(settings, inputs)
        _time_model(run.learner, watch)
        return run

    with tempfile.TemporaryDirectory() as folder:
        learning.prepare = prepare_timed
        evaluation_callback.EvaluationCallback._run = watch.timed(EVALUATION, evaluate)  # type: ignore[method-assign]
        checkpoints.save_checkpoint = watch.timed(CHECKPOINT, save)
        try:
            started = time.perf_counter()
            learning.train(TrainingSettings(env="video", agent=agent, steps=steps, out=Path(folder)))
            whole_s = time.perf_counter() - started
        finally:
            learning.prepare, checkpoints.save_checkpoint = prepare, save
            evaluation_callback.EvaluationCallback._run = evaluate  # type: ignore[method-assign]
    return Measured(agent, steps, whole_s, watch.spent_s)


def _time_model(learner: Learner, watch: Stopwatch) -> None:
    model: Any = learner.model
    model.env.step = watch.timed(ENVIRONMENT, model.env.step)
    model.policy.forward = watch.timed(NETWORK, model.policy.forward)
    model.policy.predict_values = watch.timed(NETWORK, model.policy.predict_values)
    model.train = watch.timed(GRADIENT, model.train)


def lines(found: list[Measured]) -> Iterator[str]:
    """The block of the page."""
    ppo = next(one for one in found if one.agent == "ppo")
    verdict = "reached" if ppo.whole_s / ppo.steps * TARGET_STEPS <= TARGET_S else "**missed**"
    yield (
        f"Agent `ppo` on video: {ppo.steps:,} steps in {ppo.whole_s:.0f} s, evaluations, checkpoints and TensorBoard "
        f"included (target: a million in under {TARGET_S:.0f} s: {verdict}). One thread each."
    )
    yield ""
    names = (ENVIRONMENT, NETWORK, GRADIENT, EVALUATION, CHECKPOINT)
    yield f"| agent | steps/s | {' | '.join(f'{name} %' for name in names)} | stable-baselines3 and the rest % |"
    yield f"|---|---:|{'---:|' * (len(names) + 1)}"
    for one in found:
        shares = [100 * one.parts_s.get(name, 0.0) / one.whole_s for name in names]
        cells = " | ".join(f"{share:.0f}" for share in (*shares, 100 - sum(shares)))
        yield f"| `{one.agent}` | {one.steps / one.whole_s:,.0f} | {cells} |"


def main() -> int:
    """Measure, print, and write the page's block."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=TARGET_STEPS)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "training.md")
    arguments = parser.parse_args()
    learning.train(TrainingSettings(env="video", agent="ppo", steps=4096, out=Path(tempfile.mkdtemp())))  # compiles
    text = "\n".join(lines([measure(agent, arguments.steps) for agent in AGENTS]))
    write_block(text, begin=BEGIN, end=END, page=arguments.page)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
