"""What trained agents are worth on days that they have not seen, beside IPA with every forecast that does not peek.

IPA's best forecast differs from pipeline to pipeline, so an agent counts as better only against the best of them on
these very windows. Plays and compares through `ipa_gym.evaluation`; trains and prints nothing. Next: `session.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ipa_gym.evaluation import evaluation_starts
from ipa_gym.evaluation.agents import AgentGroup
from ipa_gym.evaluation.comparison import Comparison
from ipa_gym.evaluation.session import Evaluation, estimates, evaluate
from ipa_gym.files import write_json
from ipa_gym.forecast import honest_forecasts
from ipa_gym.policies import load_agent_card
from ipa_gym.settings import EnvSettings, env_settings
from ipa_gym.training.outcome import TrainingOutcome
from ipa_gym.training.settings import TrainingSettings
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.validation import with_validation

FILE = "test.json"
N_WINDOWS = 48
IPA, OTHERS = "ipa-exact", ("fa2-low",)  # the exact search decides as IPA's integer program does, faster


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What was played and what came out."""

    pipeline: str
    trace: str
    split: str  # test; validation where the trace has no test days
    evaluation: Evaluation  # the agent first, then IPA with each forecast, then the others


def play_held_out(
    settings: TrainingSettings, outcomes: Sequence[TrainingOutcome], *, n_windows: int = N_WINDOWS, seed: int = 0
) -> HeldOut:
    """Play trained agents and what they are measured against on windows of the test days, and compare them.

    Args:
        settings: of any of the runs: pipeline, trace and forecast.
        outcomes: of the runs: one agent, or the training seeds of one.
        n_windows: how many windows; see `evaluation_starts`.
        seed: of arrivals and service times, and of the bootstrap.
    """
    trace = with_validation(load_trace(settings.trace))
    split = "test" if "test" in trace.splits else "validation"
    environment = env_settings(settings.env, trace, split=split, forecast=settings.forecast)
    starts = evaluation_starts(trace, split, n_windows, environment.episodes.episode_s)
    candidate = _trained(settings, outcomes)
    found = evaluate(environment, starts, candidates=[candidate], baselines=_references(environment), seed=seed)
    return HeldOut(environment.pipeline.name, trace.name, split, found)


def _trained(settings: TrainingSettings, outcomes: Sequence[TrainingOutcome]) -> AgentGroup:
    cards = tuple(load_agent_card(outcome.agent) for outcome in outcomes)
    return AgentGroup(settings.folder.parent.name, cards, tuple(outcome.folder.name for outcome in outcomes))


def _references(environment: EnvSettings) -> list[AgentGroup]:
    ipa = load_agent_card(IPA)
    cards = [replace(ipa, name=f"{ipa.name} ({name})", forecast=name) for name in honest_forecasts()]
    for name in OTHERS:
        card = load_agent_card(name)
        cards.append(replace(card, name=f"{name} ({card.forecast or environment.forecast})"))
    return [AgentGroup(card.name, (card,), (card.name,)) for card in cards]


def against_best_ipa(found: Evaluation) -> Comparison:
    """The comparison with the IPA whose mean reward is highest on these windows."""
    ipas = {group.name for group in found.groups if group.is_plain_ipa}
    return max(
        (comparison for comparison in found.comparisons if comparison.baseline in ipas),
        key=lambda comparison: comparison.metric("reward_mean").baseline.mean,
    )


_VERDICTS = {"better": "beats", "worse": "is worse than", "undecided": "is not clearly better or worse than"}


def sentence(comparison: Comparison) -> str:
    """In words: does the agent beat that IPA, by how much, and is the SLA kept well enough?"""
    reward, violations = comparison.metric("reward_mean"), comparison.metric("violations_percent")
    difference = reward.difference
    seeds = f" ({comparison.n_agents} training seeds)" if comparison.n_agents > 1 else ""
    kept = "within" if comparison.violations_limit_kept else "above"
    return (
        f"{comparison.candidate}{seeds} {_VERDICTS[comparison.verdict]} {comparison.baseline}, the best IPA that does "
        f"not peek: mean reward {reward.candidate.mean:.2f} against {reward.baseline.mean:.2f}, difference "
        f"{difference.mean:+.2f} (95 % interval {difference.low:+.2f} to {difference.high:+.2f}) on "
        f"{comparison.n_windows} windows; SLA violations {violations.candidate.mean:.2f} %, {kept} the limit of "
        f"{comparison.violations_limit_percent:.2g} %."
    )


def as_data(held_out: HeldOut) -> dict[str, Any]:  # Any: what JSON can hold
    """The whole outcome as plain data: each agent's means with intervals, and the differences."""
    found = held_out.evaluation
    comparison = against_best_ipa(found)
    return {
        "pipeline": held_out.pipeline,
        "trace": held_out.trace,
        "split": held_out.split,
        "sentence": sentence(comparison),
        "verdict": comparison.verdict,
        "against": comparison.baseline,
        "starts": found.played[0].results[0].starts.tolist(),
        "agents": {
            played.name: {name: asdict(estimate) for name, estimate in estimates(played).items()}
            for played in found.played
        },
        "comparisons": [asdict(one) for one in found.comparisons],
    }


def write_held_out(held_out: HeldOut, folder: Path) -> Path:
    """Write ``test.json`` into a folder."""
    return write_json(as_data(held_out), folder / FILE)
