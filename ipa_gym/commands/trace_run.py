"""Measures, draws, generates and checks traces for the command line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import typer

from ipa_gym import catalog
from ipa_gym.commands.terminal import note, print_json, show
from ipa_gym.commands.views import compared_table, figures_table
from ipa_gym.errors import UnknownNameError
from ipa_gym.files import write_atomically
from ipa_gym.workload.card import StatisticPair, read_trace_card
from ipa_gym.workload.comparison import measure
from ipa_gym.workload.loading import CARD_SUFFIXES, load_trace
from ipa_gym.workload.synthetic import generate, write_trace
from ipa_gym.workload.trace import Trace, window_counts


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """Which load, in the loader's words."""

    name: str
    scale: float
    windows: tuple[tuple[int, int], ...] | None
    key: str | None
    column: str | None

    def load(self) -> Trace:
        """The trace, scaled and cut. Raises: TraceError, CardError or UnknownNameError."""
        trace = load_trace(self.name, scale=self.scale, key=self.key, column=self.column)
        if self.windows is None:
            return trace
        return replace(trace, counts=window_counts(trace, self.windows), splits={})

    def real_figures(self) -> dict[str, StatisticPair]:
        """What the trace's card says of the real load; nothing for other files, scales and windows."""
        if self.scale != 1 or self.windows is not None:
            return {}
        try:
            path = catalog.find("traces", self.name)
        except UnknownNameError:
            return {}
        return dict(read_trace_card(path).statistics) if path.suffix in CARD_SUFFIXES else {}


def show_statistics(request: TraceRequest, *, as_json: bool, out: Path | None) -> None:
    """Print the statistics and draw the trace: into ``out``, or NAME.png here; as JSON only where ``out`` is given."""
    trace = request.load()
    figures = {"seconds": trace.n_seconds, **measure(np.asarray(trace.counts))}
    real = {name: pair.real for name, pair in request.real_figures().items()}
    if as_json:
        print_json({"name": trace.name, "source": trace.source, "statistics": figures, "real": real})
    else:
        title = f"{trace.name}: {trace.source}"
        show(compared_table(title, figures, real) if real else figures_table(title, figures))
        out = out or Path(f"{trace.name}.png")
    if out is not None:
        from ipa_gym.workload.figures import trace_figure

        figure = trace_figure(trace)
        note(f"drew {write_atomically(out, lambda path: figure.savefig(path, format='png', dpi=110))}")


def write_counts(name: str) -> None:
    """Generate and write a card's counts."""
    print(write_trace(name))


def check_trace(name: str) -> None:
    """Say whether the data file holds what the card's generator makes; exit code 1 if it does not."""
    path = catalog.find("traces", name)
    made = generate(read_trace_card(path))
    if not np.array_equal(made, load_trace(path).counts):
        note(f"{path}: the data is not what the card makes; write it anew with: ipa-gym trace generate {name}")
        raise typer.Exit(1)
    print(f"{path.name}: the data is what the card makes")
