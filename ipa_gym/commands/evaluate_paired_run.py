"""Compares agents on held-out windows for the command line: a table and a verdict for each pair, or JSON.

The library's part is `ipa_gym.evaluation.evaluate`; the tables are in `comparison_views.py`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.benchmark.inputs import env_arguments, load_configured_trace
from ipa_gym.commands.comparison_views import Scene, agents_table, comparison_table, verdict_line
from ipa_gym.commands.evaluate_request import WINDOWS_TRACE, EvaluateRequest, Outputs
from ipa_gym.commands.terminal import note, print_json, progress_bar, show
from ipa_gym.errors import OptionError
from ipa_gym.evaluation import METRICS, Evaluation, evaluate, evaluation_starts, load_groups
from ipa_gym.evaluation.session import estimates
from ipa_gym.evaluation.windows import default_n_windows, overlapping
from ipa_gym.files import check_output_folder, write_frame
from ipa_gym.settings import EnvSettings, env_settings
from ipa_gym.workload.validation import with_validation

_TABLE_SUFFIXES = (".csv", ".parquet")


def run_and_show(request: EvaluateRequest, outputs: Outputs) -> None:
    """Play all agents on the windows; print and write what was asked for."""
    _check(request, outputs)
    settings, scene, starts = _windows(request)
    candidates, baselines = load_groups(request.agents), load_groups(request.against)
    with progress_bar("agents") as on_progress:
        found = evaluate(
            settings, starts, candidates=candidates, baselines=baselines, seed=request.seed, on_progress=on_progress
        )
    if outputs.as_json:
        print_json(_as_data(request, scene, starts, found))
    else:
        _show(found, scene, quiet=outputs.quiet)
    if outputs.csv is not None:
        import polars as pl

        note(f"wrote {write_frame(pl.DataFrame(_rows(found)), outputs.csv)}")


def _check(request: EvaluateRequest, outputs: Outputs) -> None:
    """Raises: OptionError for what only one episode has, and for a file that cannot be written."""
    environment, needs_an_episode = request.environment, "needs a single episode: expected it without --against and "
    for name, value in (
        ("--render", outputs.render),
        ("--records", outputs.records),
        ("--chrome-trace", outputs.chrome_trace),
        ("--window", environment.windows),
    ):
        if value is not None:
            raise OptionError(f"{name} {needs_an_episode}--windows")
    if request.windows is not None and request.windows < 1:
        raise OptionError(f"--windows is {request.windows}; expected at least 1")
    if request.seed < 0:
        raise OptionError(f"--seed is {request.seed}; expected a whole number from 0")
    if outputs.csv is not None:
        if outputs.csv.suffix not in _TABLE_SUFFIXES:
            raise OptionError(f"--csv is {outputs.csv}; expected a name that ends with {' or '.join(_TABLE_SUFFIXES)}")
        check_output_folder(outputs.csv.parent)


def _windows(request: EvaluateRequest) -> tuple[EnvSettings, Scene, NDArray[np.int64]]:
    """What is played, in words and as first seconds."""
    options = request.environment
    trace = with_validation(load_configured_trace(request.trace or WINDOWS_TRACE, options))
    arguments = env_arguments(trace, options)
    split = arguments["split"] or "all"
    settings = env_settings(request.env, trace, **{**arguments, "split": split})
    episode_s = settings.episodes.episode_s
    n_windows = request.windows or default_n_windows(trace, split, episode_s)
    starts = evaluation_starts(trace, split, n_windows, episode_s)
    if overlapping(trace, split, n_windows, episode_s):
        note(f"{n_windows} windows of {episode_s} s overlap in split {split}: the intervals are narrower than is sure")
    return settings, Scene(settings.pipeline.name, trace.name, split, n_windows, episode_s), starts


def _show(found: Evaluation, scene: Scene, *, quiet: bool) -> None:
    if not found.comparisons:
        show(agents_table({played.name: estimates(played) for played in found.played}, scene))
        return
    if not quiet:
        show(*(comparison_table(comparison, scene) for comparison in found.comparisons))
    for comparison in found.comparisons:
        print(verdict_line(comparison))


def _as_data(
    request: EvaluateRequest, scene: Scene, starts: NDArray[np.int64], found: Evaluation
) -> dict[str, Any]:  # Any: what JSON can hold
    return {
        "settings": {**asdict(scene), "seed": request.seed, "environment": asdict(request.environment)},
        "starts": starts.tolist(),
        "agents": [
            {
                "name": group.name,
                "trained": list(group.labels),
                "cards": [str(card.path) for card in group.cards],
                "forecasts": [card.forecast for card in group.cards],
                "metrics": {name: asdict(estimate) for name, estimate in estimates(played).items()},
            }
            for group, played in zip(found.groups, found.played, strict=True)
        ],
        "comparisons": [asdict(comparison) for comparison in found.comparisons],
    }


def _rows(found: Evaluation) -> list[dict[str, Any]]:  # Any: names and numbers
    """A row an agent, training seed and window."""
    return [
        {
            "agent": group.name,
            "trained": label,
            "start_s": int(result.starts[index]),
            "arrivals": int(result.arrivals[index]),
            **{metric.name: float(result.metric(metric.name)[index]) for metric in METRICS},
        }
        for group, played in zip(found.groups, found.played, strict=True)
        for label, result in zip(group.labels, played.results, strict=True)
        for index in range(result.n_windows)
    ]
