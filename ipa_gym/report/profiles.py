"""Performance profiles and the probability of being better than the baseline (Agarwal et al. 2021), from the league.

Draws what `ipa_gym.benchmark.league` found; computes nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ipa_gym.benchmark.figures_series import drawn_part, titled
from ipa_gym.benchmark.league import League
from ipa_gym.benchmark.styles import agent_styles
from ipa_gym.report.cells import compact, rounded
from ipa_gym.report.section import Picture, Section

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

TITLE = "Performance profiles"
READING = (
    "For every score, the share of an agent's runs above it: a curve above another is better everywhere, and where two "
    "cross each is better for some runs; bands are 95 % intervals."
)
BETTER_TITLE = "Better than IPA, how often?"
BETTER_READING = (
    "How probable it is that an agent earns more than {baseline} on the same arrivals, with 95 % intervals: an agent "
    "right of one half is better than {baseline} more often than not."
)
COMMAND = "ipa-gym benchmark"
_BETTER = ("p_better", "p_better_low", "p_better_high")


def profile_section(found: League) -> Section:
    """The profiles; without data where no run has a score (the store lacks `random` or `ipa-perfect`)."""
    if found.profiles.height == 0:
        missing = f"{COMMAND}, with the agents random and ipa-perfect, which anchor the score"
        return Section("profiles", TITLE, READING, missing)
    curves = []
    for (agent,), part in found.profiles.group_by("agent", maintain_order=True):
        values = {name: compact(part[name]) for name in ("score", "fraction", "low", "high")}
        curves.append({"agent": agent, **values})
    picture = Picture("performance-profiles", partial(profile_figure, found.profiles), found.profiles)
    return Section("profiles", TITLE, READING, COMMAND, {"curves": curves}, pictures=[picture])


def better_section(found: League) -> Section:
    """Probability of improvement over the baseline; without data where nobody shares its tasks."""
    rows = found.overall.drop_nulls("p_better").select("agent", *_BETTER, "n_common")
    title = BETTER_TITLE.replace("IPA", found.baseline) if found.baseline != "ipa" else BETTER_TITLE
    reading = BETTER_READING.format(baseline=found.baseline)
    if rows.height == 0:
        return Section("better", title, reading, f"{COMMAND}, with the agent {found.baseline} and others")
    points = [{name: rounded(v) if name in _BETTER else v for name, v in row.items()} for row in rows.to_dicts()]
    picture = Picture("better-than-baseline", partial(better_figure, rows, found.baseline), rows)
    data = {"points": points, "baseline": found.baseline}
    return Section("better", title, reading, COMMAND, data, pictures=[picture])


def profile_figure(profiles: pl.DataFrame) -> Figure:
    """A line an agent with its band, over the normalised score."""
    from matplotlib.figure import Figure

    part, left_out = drawn_part(profiles)
    figure = Figure(figsize=(8.6, 5.2), layout="constrained")
    axes = figure.subplots()
    styles = agent_styles(part["agent"].to_list())
    for (agent,), rows in part.group_by("agent", maintain_order=True):
        style, score = styles[str(agent)], rows["score"].to_numpy()
        axes.plot(score, rows["fraction"].to_numpy(), color=style.colour, linestyle=style.line, label=agent)
        low, high = rows["low"].to_numpy(), rows["high"].to_numpy()
        axes.fill_between(score, low, high, color=style.colour, alpha=0.12, linewidth=0)
    below_all = part.filter(part["fraction"] < 1.0)["score"]  # where the first curve leaves 1
    if below_all.len():
        axes.set_xlim(left=min(below_all.to_list()) - 0.05)
    axes.set_xlabel("normalised score τ (0: random, 1: IPA with a perfect forecast)")
    axes.set_ylabel("share of runs with score > τ")
    axes.grid(alpha=0.25)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
    figure.suptitle(titled("Performance profiles", left_out))
    return figure


def better_figure(rows: pl.DataFrame, baseline: str) -> Figure:
    """A line an agent, the estimate and its interval; the line at one half is being no better."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 1.4 + 0.32 * rows.height), layout="constrained")
    axes = figure.subplots()
    styles = agent_styles(rows["agent"].to_list())
    for place, row in enumerate(rows.to_dicts()):
        style, middle = styles[row["agent"]], row["p_better"]
        low, high = (middle if row[name] is None else row[name] for name in _BETTER[1:])
        axes.plot([low, high], [place, place], color=style.colour, linewidth=2)
        axes.plot([middle], [place], color=style.colour, marker=style.marker, markersize=8, linestyle="none")
    axes.axvline(0.5, color="0.4", linestyle="--", linewidth=1)
    axes.set_yticks(range(rows.height), labels=rows["agent"].to_list())
    axes.invert_yaxis()
    axes.set(xlim=(-0.02, 1.02), xlabel=f"probability of earning more than {baseline} on the same arrivals")
    axes.grid(alpha=0.25, axis="x")
    return figure
