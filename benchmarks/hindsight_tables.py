"""The tables of docs/hindsight.md, from what `hindsight.py` has measured. Computes means and gaps; plays nothing."""

from __future__ import annotations

import polars as pl

SHOWN = ("bound", "oracle", "mpc", "trained", "ipa-perfect", "ipa-exact", "fa2-low", "best-static", "random")
ORACLE, FROM = "oracle", "ipa-exact"


def report(episodes: pl.DataFrame, efforts: pl.DataFrame) -> str:
    """Markdown.

    Args:
        episodes: a row an episode and agent: pipeline, trace, agent, reward, violations_percent, cpu_s.
        efforts: a row a pipeline and effort: pipeline, effort, reward, steps, cpu_s.
    """
    held_out = pl.col("trace") == "twitter-like"
    parts = [
        "Mean reward of an interval over the four loads, seed 0:",
        _rewards(episodes.filter(~held_out)),
        "Reward below the oracle, and in parentheses how much of the way from IPA (`ipa-exact`) to the oracle is gone, "
        "in percent:",
        _gaps(episodes.filter(~held_out)),
    ]
    if episodes.filter(held_out).height:
        windows = episodes.filter(held_out)["start"].n_unique()
        parts += [f"The same on {windows} held-out windows of `twitter-like`:", _gaps(episodes.filter(held_out))]
    parts += [_beaten(episodes), _efforts(efforts)]
    return "\n\n".join(parts)


def _means(episodes: pl.DataFrame) -> dict[tuple[str, str], float]:
    grouped = episodes.group_by("pipeline", "agent").agg(pl.col("reward").mean())
    return {(row["pipeline"], row["agent"]): row["reward"] for row in grouped.to_dicts()}


def _pipelines(episodes: pl.DataFrame) -> list[str]:
    return episodes["pipeline"].unique(maintain_order=True).to_list()


def _rewards(episodes: pl.DataFrame) -> str:
    means, pipelines = _means(episodes), _pipelines(episodes)
    rows = [
        [f"`{agent}`" if agent != "bound" else "bound", *(f"{means[p, agent]:.2f}" for p in pipelines)]
        for agent in SHOWN
    ]
    return _table(["", *pipelines], rows)


def _gaps(episodes: pl.DataFrame) -> str:
    means, pipelines = _means(episodes), _pipelines(episodes)
    rows = []
    for agent in SHOWN:
        if agent in (ORACLE, "random"):
            continue
        cells = [_gap(means[p, agent], means[p, ORACLE], means[p, FROM]) for p in pipelines]
        rows.append([f"`{agent}`" if agent != "bound" else "bound", *cells])
    return _table(["", *pipelines], rows)


def _gap(reward: float, oracle: float, ipa: float) -> str:
    return f"{oracle - reward:+.2f} ({100 * (reward - ipa) / (oracle - ipa):.0f})"


def _beaten(episodes: pl.DataFrame) -> str:
    """Whether the oracle is above every agent and below the bound, episode by episode; and what both take."""
    wide = episodes.pivot(on="agent", index=["pipeline", "trace", "start"], values="reward")
    rivals = [agent for agent in SHOWN if agent not in ("bound", ORACLE)]
    best = wide.filter(pl.col(ORACLE) >= pl.max_horizontal(rivals)).height
    below = wide.filter(pl.col(ORACLE) <= pl.col("bound")).height
    violations = episodes.filter(pl.col("agent") == ORACLE)["violations_percent"].mean()
    cpu = {agent: episodes.filter(pl.col("agent") == agent)["cpu_s"].mean() for agent in (ORACLE, "bound")}
    return (
        f"The oracle earns at least as much as every other agent here on {best} of {wide.height} episodes, and no "
        f"more than the bound on {below}. It lets {violations:.2f} % of requests violate the SLA. Processor time of "
        f"an episode, measured: oracle {cpu[ORACLE]:.1f} s, bound {cpu['bound']:.1f} s."
    )


def _efforts(efforts: pl.DataFrame) -> str:
    pipelines = _pipelines(efforts)
    rewards = {(row["effort"], row["pipeline"]): row["reward"] for row in efforts.to_dicts()}
    rows = []
    for effort in efforts["effort"].unique(maintain_order=True).to_list():
        own = efforts.filter(pl.col("effort") == effort)
        cells = [f"{rewards[effort, pipeline]:.3f}" for pipeline in pipelines]
        rows.append([effort, *cells, f"{own['steps'].mean() / 1000:.0f}", f"{own['cpu_s'].mean():.1f}"])
    header = ["search", *pipelines, "simulated steps, thousands", "processor s"]
    return "What more searching gains, under `bursty`:\n\n" + _table(header, rows)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
