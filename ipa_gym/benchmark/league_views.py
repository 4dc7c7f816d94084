"""The league for readers: Markdown and the terminal (rich), from the same cells. Formats; computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipa_gym.benchmark.league import League

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Group

_Row = Mapping[str, Any]  # Any: a row of a frame
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class LeagueTable:
    """One table as it is shown."""

    title: str
    headers: tuple[str, ...]  # the first column is text, the others numbers
    rows: tuple[tuple[str, ...], ...]


def league_tables(found: League) -> tuple[LeagueTable, ...]:
    """The table over all pipelines, then one for each."""
    names = found.pipelines["pipeline"].unique(maintain_order=True).to_list()
    return (_overall(found), *(_pipeline(found, name) for name in names))


def league_caption(found: League) -> str:
    """What the numbers are."""
    episodes, tasks = int(found.overall["n_episodes"].sum()), int(found.anchors["n_tasks"].sum())
    played = f"{counted(episodes, 'episode')} of {counted(tasks, 'task')} (pipeline, trace, window)"
    return (
        f"{played}. Score: 0 is what random earns on a pipeline, 1 what ipa-perfect earns. IQM: mean of the middle "
        f"half of all runs. P: probability of earning more than {found.baseline} on the same traffic. In brackets: "
        "95 % bootstrap intervals over traffic and training seeds. Verdict: p-value by Holm, over an agent's "
        "pipelines, below 0.05. More: docs/statistics.md."
    )


def league_markdown(found: League) -> str:
    """Headings of level 3 (the league) and 4 (pipelines); notes at the end."""
    lines: list[str] = []
    for i, table in enumerate(league_tables(found)):
        lines += [f"{'####' if i else '###'} {table.title}", ""]
        lines += [] if i else [league_caption(found), ""]
        lines += [_line(table.headers), f"|---|{'---:|' * (len(table.headers) - 1)}", *map(_line, table.rows), ""]
    lines += [f"- {_escaped(note)}" for note in found.notes]
    return "\n".join(lines).rstrip() + "\n"


def rich_league(found: League) -> Group:
    """The table over all pipelines and the notes, for the terminal, which has no room for those of each pipeline."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = _overall(found)
    shown = Table(title=table.title, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    shown.add_column(table.headers[0], style="bold", no_wrap=True)
    for header in table.headers[1:]:
        shown.add_column(header, justify="right", no_wrap=True)
    for row in table.rows:
        shown.add_row(*map(Text, row))  # not markup: intervals stand in square brackets
    notes = (Text(f"note: {note}") for note in found.notes)
    return Group(Text(league_caption(found), style="dim"), Text(), shown, *notes)


def _overall(found: League) -> LeagueTable:
    has_oracle = found.overall["oracle_gap"].is_not_null().any()
    headers = ["agent", "IQM score", "mean score", f"P(> {found.baseline})"]
    headers += ["below oracle"] if has_oracle else []
    headers += ["worst SLA viol. %", "on"]

    def cells(row: _Row) -> Iterator[str]:
        yield _marked(row)
        yield _interval(row, "iqm", digits=4)
        yield _interval(row, "mean", digits=4)
        yield _interval(row, "p_better", digits=2)
        if has_oracle:
            yield _interval(row, "oracle_gap", digits=4)
        yield _number(row["worst_violations_percent"], 2)
        yield row["worst_pipeline"]

    return _table("League", headers, found.overall, cells)


def _pipeline(found: League, name: str) -> LeagueTable:
    import polars as pl

    part = found.pipelines.filter(pl.col("pipeline") == name)
    has_oracle = part["oracle_gap"].is_not_null().any()
    headers = ["agent", "reward", "score", "SLA viol. %", f"reward − {found.baseline}", "p", "p (Holm)", "verdict"]
    headers += ["below oracle"] if has_oracle else []

    def cells(row: _Row) -> Iterator[str]:
        yield _marked(row)
        yield _interval({**row, "reward": row["reward_mean"]}, "reward", digits=2)
        yield _number(row["score"], 4)
        yield _number(row["violations_percent"], 2)
        yield _interval(row, "difference", digits=2, sign="+")
        yield _p_value(row["p_value"])
        yield _p_value(row["p_holm"])
        yield row["verdict"] or _NOTHING
        if has_oracle:
            yield _interval(row, "oracle_gap", digits=2)

    return _table(name, headers, part, cells)


def _table(title: str, headers: list[str], frame: pl.DataFrame, cells: Any) -> LeagueTable:  # Any: row -> its cells
    return LeagueTable(title, tuple(headers), tuple(tuple(cells(row)) for row in frame.iter_rows(named=True)))


def _marked(row: _Row) -> str:
    """The agent, with † where it knows the future and * where it has not played all."""
    return f"{row['agent']}{' †' if row['foresees'] else ''}{'' if row['complete'] else ' *'}"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def counted(n: int, what: str) -> str:
    """``1 seed``, ``1,900 episodes``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _escaped(text: str) -> str:
    """Markdown that shows an asterisk."""
    return text.replace("*", "\\*")


def _interval(row: _Row, name: str, *, digits: int, sign: str = "") -> str:
    """``1.0011 [1.0006, 1.0017]``; without the interval where there is none."""
    value, low, high = (_number(row[key], digits, sign) for key in (name, f"{name}_low", f"{name}_high"))
    return value if _NOTHING in (low, high) else f"{value} [{low}, {high}]"


def _number(value: float | None, digits: int, sign: str = "") -> str:
    return _NOTHING if value is None else f"{round(value, digits) + 0.0:{sign}.{digits}f}"  # no "-0.00"


def _p_value(value: float | None) -> str:
    if value is None:
        return _NOTHING
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
