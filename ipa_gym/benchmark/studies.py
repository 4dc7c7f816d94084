"""`STUDIES`: sets of benchmarks that answer one question, by name. All of them keep their rows in the same store.

A study is a list of variants, each with its settings; `study_rows` finds their rows in a store again. Nothing runs
here. Next: `session.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ipa_gym import catalog
from ipa_gym.benchmark.identity import Identities, program_version
from ipa_gym.benchmark.inputs import Reader, load_inputs
from ipa_gym.benchmark.settings import TRAINED, BenchmarkSettings
from ipa_gym.cards import load_pipeline
from ipa_gym.errors import unknown_name
from ipa_gym.forecast import FORECASTS
from ipa_gym.options import override_objective
from ipa_gym.store import KEY

if TYPE_CHECKING:
    import polars as pl

MULTIPLES = (0.25, 0.5, 2.0, 4.0)  # of the cards' alpha or beta, beside the cards' own
STANDARD = "as in the cards"
INTERVALS_S = (10.0, 2.0)
RIVALS = ("keda", "kpa", "ray-serve", "inferline", "infaas", "loki")
DECISION_TIME = "decision-time"  # a study of solvers, without episodes: `decision_time.py`
SETTING = "setting"  # column: the variant's label
_RECOGNISED_BY = (
    *("pipeline", "trace", "window", "agent", "interval_s", "forecast", "alpha", "beta", "options"),
)  # a row with these as a study's own is one of its rows, of whatever seed


@dataclass(frozen=True, slots=True)
class Variant:
    """One setting of what a study varies."""

    label: str  # empty where a study varies nothing
    settings: tuple[BenchmarkSettings, ...]  # one for all pipelines, or one each


@dataclass(frozen=True, slots=True)
class Study:
    """A question."""

    title: str
    rough_time: str  # on two cores
    variants: Callable[[BenchmarkSettings], tuple[Variant, ...]]  # what is given goes before the study's own


def study(name: str) -> Study:
    """The study of a name. Raises: UnknownNameError."""
    if name not in STUDIES:
        raise unknown_name("study", name, (*STUDIES, DECISION_TIME))
    return STUDIES[name]


def study_rows(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows of a study among those of a store, in the study's order, with the column ``setting`` in front.

    A row belongs to it if pipeline, trace, window, agent and all setting columns are as in the study as it stands in
    `STUDIES`, without narrowing; of any seed. Of several versions of the program, the one that runs now is taken if
    there are rows of it, else the one with most rows.

    Args:
        rows: of `Store.read`, with the key and setting columns and any others.
    Raises: UnknownNameError for another name.
    """
    import polars as pl

    study(name)
    expected = pl.DataFrame(_recognised(name), orient="row", schema=[*_RECOGNISED_BY, SETTING])
    found = expected.join(rows, on=_RECOGNISED_BY, how="inner", maintain_order="left_right")
    if found["version"].n_unique() > 1:
        counts = found["version"].value_counts(sort=True)["version"].to_list()
        version = program_version() if program_version() in counts else counts[0]
        found = found.filter(pl.col("version") == version)
    one_each = [column for column in (*KEY, *_RECOGNISED_BY, SETTING) if column not in ("version", "settings_hash")]
    found = found.unique(list(dict.fromkeys(one_each)), keep="last", maintain_order=True)
    return found.select(SETTING, *rows.columns)


@cache
def _recognised(name: str) -> list[tuple[Any, ...]]:  # Any: texts and numbers
    """Values of `_RECOGNISED_BY` and the label, for every kind of row of a study."""
    found: dict[tuple[Any, ...], None] = {}
    reader = Reader()
    for variant in study(name).variants(BenchmarkSettings(seeds=(0,))):
        for settings in variant.settings:
            inputs = load_inputs(settings, reader)
            identities = Identities(inputs)
            for task in inputs.tasks():
                values = identities.columns(task)
                who = (task.pipeline, task.trace, task.window, task.agent)
                found[(*who, *(values[column] for column in _RECOGNISED_BY[len(who) :]), variant.label)] = None
    return list(found)


def _main(base: BenchmarkSettings) -> tuple[Variant, ...]:
    return (Variant("", (base,)),)


def _preferences(base: BenchmarkSettings) -> tuple[Variant, ...]:
    """Alpha at the card's beta, beta at the card's alpha; rho follows beta: the cards' rule is 10 x beta x cores."""
    agents = base.agents or _known_here(base, ("ipa-exact", "fa2-low", "fa2-high", "rim", TRAINED))
    given, reward = replace(base, agents=agents), base.environment.reward
    weights = {
        reference: override_objective(load_pipeline(reference).objective, reward)
        for reference in base.pipeline_references()
    }

    def weighed(*, alpha: float = 1.0, beta: float = 1.0) -> tuple[BenchmarkSettings, ...]:
        """Settings for each pipeline with multiples of its weights."""
        settings = []
        for reference, own in weights.items():
            changed: dict[str, float | str] = {"alpha": alpha * own.alpha, "beta": beta * own.beta}
            changed["rho"] = reward.get("rho", beta * own.rho)
            environment = replace(base.environment, reward={**reward, **changed})
            settings.append(replace(given, pipelines=(reference,), environment=environment))
        return tuple(settings)

    return (
        Variant(STANDARD, (given,)),
        *(Variant(f"alpha x {factor:g}", weighed(alpha=factor)) for factor in MULTIPLES),
        *(Variant(f"beta x {factor:g}", weighed(beta=factor)) for factor in MULTIPLES),
    )


def _forecasts(base: BenchmarkSettings) -> tuple[Variant, ...]:
    given = replace(base, agents=base.agents or ("ipa-exact",))
    return tuple(
        Variant(name, (replace(given, environment=replace(given.environment, forecast=name)),)) for name in FORECASTS
    )


def _intervals(base: BenchmarkSettings) -> tuple[Variant, ...]:
    given = replace(base, agents=base.agents or ("ipa-exact", "hpa", *RIVALS))
    return tuple(
        Variant(f"{interval_s:g} s", (replace(given, environment=replace(given.environment, interval_s=interval_s)),))
        for interval_s in INTERVALS_S
    )


def _windows(base: BenchmarkSettings) -> tuple[Variant, ...]:
    return (Variant("", (replace(base, traces=base.traces or ("twitter-like",)),)),)


def _known_here(base: BenchmarkSettings, agents: Sequence[str]) -> tuple[str, ...]:
    """Without the agent that only knows the shipped pipelines, where there is another."""
    known = set(base.pipelines) <= set(catalog.names("envs"))
    return tuple(name for name in agents if known or name != TRAINED)


STUDIES: Mapping[str, Study] = {
    "main": Study("all agents on all pipelines under the four loads", "four minutes", _main),
    "preferences": Study(
        "IPA, FA2, RIM and the trained agent with other weights of accuracy and cost (the paper's Fig. 14)",
        "two minutes",
        _preferences,
    ),
    "forecasts": Study("IPA with each forecast (the paper's Fig. 16)", "half a minute", _forecasts),
    "intervals": Study("autoscalers and planners that decide every 10 s, and every 2 s", "two minutes", _intervals),
    "windows": Study("all agents on held-out windows of the trace twitter-like", "ten minutes", _windows),
}


def study_lines() -> str:
    """A Markdown table of the studies, for the docs."""
    bare = BenchmarkSettings()
    lines = ["| study | question | settings | on two cores |", "|---|---|---|---|"]
    for name, one in STUDIES.items():
        labels = ", ".join(variant.label for variant in one.variants(bare) if variant.label) or "one"
        lines.append(f"| `{name}` | {one.title} | {labels} | {one.rough_time} |")
    return "\n".join(lines)
