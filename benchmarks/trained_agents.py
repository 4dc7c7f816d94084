"""Trains and judges the agents that ship in agents/trained/, and writes them, their model cards and docs/agents.md.

Run by `make trained` (about an hour on two cores): five training seeds on each pipeline with `ipa-gym train`'s own
function, then windows of the test days that no seed has seen, and windows of the real counts where they are at hand.
The shipped agent is the seed that is best on the VALIDATION days; test days choose nothing. A finished run is not
trained again, a stopped one goes on. Next: `trained_agents_cards.py` (what is written).

    python benchmarks/trained_agents.py [--runs runs] [--seeds 5] [--windows 100] [--no-training]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.published_runs import DATA, PIPELINES, ROOT, SCALE
from benchmarks.trained_agents_cards import Judged, write_agent, write_page
from ipa_gym.evaluation.agents import AgentGroup
from ipa_gym.evaluation.comparison import VIOLATIONS_LIMIT_PERCENT
from ipa_gym.evaluation.session import Evaluation, evaluate
from ipa_gym.evaluation.windows import evaluation_starts
from ipa_gym.forecast import honest_forecasts
from ipa_gym.policies import AgentCard, load_agent_card
from ipa_gym.settings import env_settings
from ipa_gym.training.outcome import TrainingOutcome, read_outcome
from ipa_gym.training.settings import OUTCOME_FILE, SETTINGS_FILE, TrainingSettings
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace

AGENT = "ppo-residual"
DAY_S, TRAINING_DAYS = 86_400, 14  # of the real counts, as the paper splits them
MARGINS = (0.8, 0.9)  # IPA with a fixed factor on its load: what a margin alone, tuned by hand, would give
OTHERS = ("fa2-low", "hpa")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for."""

    runs: Path
    seeds: int
    windows: int
    counts: Path


def settings_of(plan: Plan, pipeline: str, seed: int) -> TrainingSettings:
    """The settings of one run."""
    settings = TrainingSettings(env=pipeline, agent=AGENT, seed=seed, out=plan.runs)
    begun = (settings.folder / SETTINGS_FILE).exists() and not (settings.folder / OUTCOME_FILE).exists()
    return replace(settings, resume=begun)


def train_one(settings: TrainingSettings) -> TrainingOutcome:
    """One run, unless it is finished."""
    from ipa_gym.training.learning import train

    return read_outcome(settings.folder) if (settings.folder / OUTCOME_FILE).exists() else train(settings)


def train_all(plan: Plan) -> None:
    """All runs, two at a time: each uses one thread."""
    wanted = [settings_of(plan, pipeline, seed) for pipeline in PIPELINES for seed in range(plan.seeds)]
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(train_one, wanted):
            print(f"{outcome.folder}: {outcome.elapsed_s:.0f} s, {asdict(outcome)['metrics']}", file=sys.stderr)


def traces(plan: Plan) -> Iterator[tuple[str, Trace]]:
    """The loads that agents are judged on, by name, each with a split ``test``."""
    yield "twitter-like", load_trace("twitter-like")
    if plan.counts.is_file():
        counts = load_trace(plan.counts, scale=SCALE)
        days = {"train": (0, TRAINING_DAYS * DAY_S), "test": (TRAINING_DAYS * DAY_S, counts.n_seconds)}
        yield "real Twitter counts", replace(counts, splits=days)


def baselines(pipeline_forecast: str) -> list[AgentGroup]:
    """IPA with each forecast that does not peek, IPA with fixed margins, and other policies."""
    ipa = load_agent_card("ipa-exact")
    names = honest_forecasts()
    cards = [replace(ipa, name=f"ipa ({name})", forecast=name) for name in names]
    cards += [_margin(ipa, factor, name) for factor in MARGINS for name in names]
    cards += [replace(card, name=f"{card.name} ({pipeline_forecast})") for card in map(load_agent_card, OTHERS)]
    return [AgentGroup(card.name, (card,), (card.name,)) for card in cards]


def _margin(ipa: AgentCard, factor: float, forecast: str) -> AgentCard:
    parameters = {**ipa.parameters, "load_factor": factor}
    return replace(ipa, name=f"ipa x {factor:g} ({forecast})", policy="ipa", forecast=forecast, parameters=parameters)


def is_plain_ipa(name: str) -> bool:
    """Whether a name in the table is IPA's with a forecast that does not peek, as the paper has it."""
    return name.startswith("ipa (")


def judge(plan: Plan, pipeline: str, outcomes: Sequence[TrainingOutcome], trace: Trace) -> Evaluation:
    """All seeds against all baselines on windows of the test days."""
    settings = env_settings(pipeline, trace, split="test")
    starts = evaluation_starts(trace, "test", plan.windows, settings.episodes.episode_s)
    cards = tuple(load_agent_card(outcome.agent) for outcome in outcomes)
    candidate = AgentGroup(AGENT, cards, tuple(outcome.folder.name for outcome in outcomes))
    others = baselines(settings.forecast)
    plain = [group for group in others if is_plain_ipa(group.name)]
    first = evaluate(settings, starts, candidates=[candidate], baselines=plain)  # the limit of violations is theirs
    rest = evaluate(settings, starts, candidates=[], baselines=[group for group in others if group not in plain])
    return Evaluation(first.groups + rest.groups, first.played + rest.played, first.comparisons)


def best_seed(outcomes: Sequence[TrainingOutcome]) -> TrainingOutcome:
    """The training seed of highest reward on the validation days, of those that keep the limit of violations there."""

    def merit(outcome: TrainingOutcome) -> tuple[bool, float]:
        limit = max(VIOLATIONS_LIMIT_PERCENT, outcome.references["ipa-exact"]["violations_percent"])
        return outcome.metrics["violations_percent"] <= limit, outcome.metrics["reward"]

    return max(outcomes, key=merit)


def main() -> int:
    """Train what is missing, judge, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="folder of the training runs")
    parser.add_argument("--seeds", type=int, default=5, help="training seeds, from 0")
    parser.add_argument("--windows", type=int, default=100, help="test windows of 20 minutes")
    parser.add_argument("--counts", type=Path, default=DATA / "twitter_rps.npz", help="the real per-second counts")
    parser.add_argument("--no-training", action="store_true", help="judge and write what has been trained")
    arguments = parser.parse_args()
    plan = Plan(arguments.runs, arguments.seeds, arguments.windows, arguments.counts)
    if not arguments.no_training:
        train_all(plan)
    judged: list[Judged] = []
    for pipeline in PIPELINES:
        outcomes = [read_outcome(settings_of(plan, pipeline, seed).folder) for seed in range(plan.seeds)]
        chosen = best_seed(outcomes)
        found = {name: judge(plan, pipeline, outcomes, trace) for name, trace in traces(plan)}
        judged.append(Judged(pipeline, AGENT, tuple(outcomes), chosen, found))
        write_agent(judged[-1], ROOT / "agents" / "trained")
        print(json.dumps({pipeline: judged[-1].summary()}), flush=True)
    write_page(judged, ROOT / "docs" / "agents.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
