"""What becomes of the judged agents: files and model cards in agents/trained/, and the tables of docs/agents.md.

Nothing here trains or plays; `trained_agents.py` does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from benchmarks.published_runs import ROOT
from ipa_gym.evaluation.comparison import Comparison, Played
from ipa_gym.evaluation.results import METRICS
from ipa_gym.evaluation.session import Evaluation, estimates
from ipa_gym.files import write_frame, write_text
from ipa_gym.policies.trained_file import read_trained
from ipa_gym.reproduction.blocks import write_block
from ipa_gym.statistics import Estimate, difference_interval
from ipa_gym.training.held_out import against_best_ipa
from ipa_gym.training.outcome import TrainingOutcome

MARKER = "<!-- begin: printed by `make trained`, {} -->"
END = "<!-- end -->"
IDS = {"video": "Video", "audio-qa": "AudioQA", "audio-sent": "AudioSent", "sum-qa": "SumQA", "nlp": "NLP"}
SHOWN = ("reward_mean", "pas", "cost_cores", "violations_percent", "drops_percent", "latency_p99_s")
FIGURE = ROOT / "docs" / "figures" / "trained_curves"


@dataclass(frozen=True, slots=True)
class Judged:
    """An agent on a pipeline: its runs, the one that ships, and what it did on test days."""

    pipeline: str
    agent: str
    outcomes: tuple[TrainingOutcome, ...]
    chosen: TrainingOutcome
    found: Mapping[str, Evaluation]  # load -> agents and comparisons

    def best_ipa(self, load: str) -> Comparison:
        """The comparison of all seeds with the best IPA that does not peek."""
        return against_best_ipa(self.found[load])

    def shipped(self, load: str) -> dict[str, Estimate]:
        """Means and intervals of the agent that ships, alone."""
        return estimates(self._alone(load))

    def shipped_difference(self, load: str) -> Estimate:
        """Its reward minus that of the best IPA, paired by window."""
        other = next(p for p in self.found[load].played if p.name == self.best_ipa(load).baseline)
        ours, theirs = self._alone(load).table("reward_mean"), other.table("reward_mean")
        return difference_interval(ours, theirs, rng=np.random.default_rng(0))

    def _alone(self, load: str) -> Played:
        group = next(played for played in self.found[load].played if played.name == self.agent)
        return Played(self.agent, (group.results[self.outcomes.index(self.chosen)],))

    def summary(self) -> dict[str, Any]:  # Any: numbers and words
        """The claim in short: each load's difference with interval, and violations."""
        return {load: _short(self.best_ipa(load)) for load in self.found}


def _short(comparison: Comparison) -> dict[str, object]:
    difference = comparison.metric("reward_mean").difference
    violations = comparison.metric("violations_percent").candidate.mean
    return {
        "against": comparison.baseline,
        "difference": [round(value, 3) for value in (difference.mean, difference.low, difference.high)],
        "violations_percent": round(violations, 3),
        "limit_kept": comparison.violations_limit_kept,
    }


# --- files ---


def write_agent(judged: Judged, folder: Path) -> None:
    """Write weights, card, curve and model card of the agent that ships."""
    name, chosen = judged.pipeline, judged.chosen
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(chosen.folder / "agent.safetensors", folder / f"{name}.safetensors")
    card = (
        f"name: trained-{name}\n"
        f"title: {judged.agent} trained on {name}, seed {_seed(chosen)}, {chosen.best_steps:,} steps\n"
        'version: "1"\n'
        "policy: learned\n"
        f"forecast: {read_trained(folder / f'{name}.safetensors').forecast}\n"
        "parameters:\n"
        f"  weights: {name}.safetensors   # beside this card\n"
        "sources:\n"
        f'  weights: "command, seed, curve and scores: {name}.md"\n'
    )
    write_text(card, folder / f"{name}.yaml")
    write_frame(curves(judged), folder / f"{name}.csv")
    write_text("\n".join(model_card(judged)) + "\n", folder / f"{name}.md")


def curves(judged: Judged) -> pl.DataFrame:
    """Evaluations of all seeds on the validation days: seed, steps, reward, violations_percent, ..."""
    frames = [
        pl.read_csv(outcome.folder / "evaluations.csv", infer_schema_length=None)
        .drop("elapsed_s")
        .select(pl.lit(_seed(outcome)).alias("seed"), pl.all())
        for outcome in judged.outcomes
    ]
    return pl.concat(frames, how="vertical_relaxed").with_columns(pl.selectors.float().round_sig_figs(6))


def _seed(outcome: TrainingOutcome) -> int:
    return int(outcome.folder.name.removeprefix("seed-"))


def model_card(judged: Judged) -> Iterator[str]:
    """The model card, in Markdown."""
    name, agent, chosen = judged.pipeline, judged.agent, judged.chosen
    about = read_trained(chosen.folder / "agent.safetensors").provenance
    versions = ", ".join(f"{package} {found}" for package, found in about["versions"].items())
    values = ", ".join(f"{key} {value}" for key, value in about["hyperparameters"].items())
    yield from (
        f"# {agent} on {name}",
        "",
        f"- Environment: `ipa_gym/{IDS[name]}-v0` of ipa-gym {about['versions']['ipa-gym']},",
        f"  forecast `{_forecast(judged)}`.",
        f"- Made by: `ipa-gym train --env {name} --agent {agent} --seed {_seed(chosen)}`;",
        f"  of {len(judged.outcomes)} seeds the best on the validation days.",
        f"- Kept: the evaluation of highest reward on the validation days, after {chosen.best_steps:,} of",
        f"  {chosen.steps:,} steps ({chosen.elapsed_s:.0f} s on one core).",
        f"- Versions: {versions}.",
        f"- Hyperparameters: {values}.",
        f"- Curve of all seeds: `{name}.csv`, drawn in docs/figures/trained_curves.png.",
        "",
    )
    for load, found in judged.found.items():
        difference, best = judged.shipped_difference(load), judged.best_ipa(load)
        yield from (
            f"## On test days of {load}",
            "",
            f"{found.played[0].results[0].n_windows} windows of 20 minutes. Mean reward minus that of the best IPA",
            f"that does not peek, {best.baseline}: {_interval(difference, 2)} (95 %, bootstrap over windows).",
            "",
            *_metrics(judged.shipped(load)),
            "",
        )
    yield from (
        "## Limits",
        "",
        "- It knows this card with its caps and an interval of 10 s; another card, cap or interval is refused.",
        f"- It reads the forecast `{_forecast(judged)}`; with another one its margins are wrong.",
        "- It has learned deterministic service times, Poisson arrivals and the card's startup times, and plans near",
        "  capacity: where the truth is slower than the profile (`service_scale` above 1) expect more violations.",
        "- Loads from 0.7 to 1.3 times those of the training days of `twitter-like` were seen in training, no others.",
    )


def _forecast(judged: Judged) -> str:
    return read_trained(judged.chosen.folder / "agent.safetensors").forecast


def _metrics(found: Mapping[str, Estimate]) -> Iterator[str]:
    yield "| metric | mean | 95 % interval |"
    yield "|---|---:|---|"
    for metric in METRICS:
        if metric.name in SHOWN:
            one, factor, digits = found[metric.name], metric.factor, metric.digits
            mean, low, high = (f"{factor * value:.{digits}f}" for value in (one.mean, one.low, one.high))
            yield f"| {metric.header} | {mean} | {low} to {high} |"


def _interval(estimate: Estimate, digits: int) -> str:
    return f"{estimate.mean:+.{digits}f} ({estimate.low:+.{digits}f} to {estimate.high:+.{digits}f})"


# --- the page ---


def write_page(judged: Sequence[Judged], page: Path) -> None:
    """Write the page's blocks and the figure of all curves."""
    for load in judged[0].found:
        block = "\n".join([*_claims(judged, load), "", *_everyone(judged, load)])
        write_block(block, begin=MARKER.format(load), end=END, page=page)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    curves_figure(judged).savefig(FIGURE.with_suffix(".png"), dpi=100)


def _claims(judged: Sequence[Judged], load: str) -> Iterator[str]:
    n = judged[0].found[load].played[0].results[0].n_windows
    yield (
        f"**{load}**: {len(judged[0].outcomes)} training seeds, {n} windows of 20 minutes of the test days; intervals "
        "are 95 %, bootstrap over seeds and windows, paired by window."
    )
    yield ""
    yield "| pipeline | agent | best IPA that does not peek | its reward | agent's | difference | SLA viol. % (IPA's) |"
    yield "|---|---|---|---:|---:|---|---|"
    for one in judged:
        comparison = one.best_ipa(load)
        reward, violations = comparison.metric("reward_mean"), comparison.metric("violations_percent")
        cells = (
            one.pipeline,
            one.agent,
            comparison.baseline,
            f"{reward.baseline.mean:.2f}",
            f"{reward.candidate.mean:.2f}",
            f"{_interval(reward.difference, 2)} {comparison.verdict}",
            f"{violations.candidate.mean:.2f} ({violations.baseline.mean:.2f})",
        )
        yield f"| {' | '.join(cells)} |"


def _everyone(judged: Sequence[Judged], load: str) -> Iterator[str]:
    """Mean reward and violations of every policy that was played."""
    names = [played.name for played in judged[0].found[load].played]
    yield f"| reward (SLA violations %) | {' | '.join(one.pipeline for one in judged)} |"
    yield f"|---|{'---:|' * len(judged)}"
    for name in names:
        cells = []
        for one in judged:
            played = next((p for p in one.found[load].played if _same(p.name, name)), None)
            cells.append("" if played is None else _cell(played))
        yield f"| {name} | {' | '.join(cells)} |"


def _same(one: str, other: str) -> bool:
    """Whether two names stand in one row: what is beside an agent's name may be another forecast, but for IPA's."""
    return one == other or ("ipa" not in one and one.split(" (")[0] == other.split(" (")[0])


def _cell(played: Played) -> str:
    return f"{played.table('reward_mean').mean():.2f} ({played.table('violations_percent').mean():.2f})"


def curves_figure(judged: Sequence[Judged]) -> Figure:
    """Reward on the validation days over the steps: a line a seed, IPA's and FA2's flat."""
    figure = Figure(figsize=(3.2 * len(judged), 3.4), layout="constrained")
    axes = figure.subplots(1, len(judged), squeeze=False)[0]
    for axis, one in zip(axes, judged, strict=True):
        table = curves(one)
        for seed in table["seed"].unique(maintain_order=True):
            rows = table.filter(pl.col("seed") == seed)
            axis.plot(rows["steps"] / 1e6, rows["reward"], color="#882255", linewidth=1, alpha=0.8)
        looks = {"ipa-exact": ("IPA with the same forecast", "#0072B2", "-"), "fa2-low": ("FA2-low", "#E69F00", "--")}
        for name, (label, colour, line) in looks.items():
            axis.axhline(one.chosen.references[name]["reward"], color=colour, linestyle=line, label=label)
        axis.plot([], [], color="#882255", label=f"{one.agent}, a line a seed")
        axis.set(title=one.pipeline, xlabel="steps (millions)")
    axes[0].set_ylabel("mean reward, validation days")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
