"""Runs one episode for the command line and shows it interval by interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ipa_gym.benchmark.episode import interval_result, measure, play
from ipa_gym.benchmark.inputs import load_inputs
from ipa_gym.benchmark.settings import BenchmarkSettings
from ipa_gym.benchmark.work import warm_up
from ipa_gym.commands.benchmark_run import COMPILING
from ipa_gym.commands.evaluate_request import Outputs
from ipa_gym.commands.terminal import note, note_if_slow, print_json, show
from ipa_gym.commands.views import step_header, step_line, totals_table
from ipa_gym.episode import IntervalRow
from ipa_gym.files import check_output_folder, write_atomically, write_frame
from ipa_gym.recording import RecordedRun, check_paths, recorded_run, write_chrome_trace, write_records
from ipa_gym.store import INTERVAL_LISTS

if TYPE_CHECKING:
    from ipa_gym.pipeline import Pipeline


def run_and_show(settings: BenchmarkSettings, outputs: Outputs) -> None:
    """Play the episode; print, draw and write what was asked for."""
    import polars as pl

    for path in (outputs.render, outputs.csv):
        if path is not None:
            check_output_folder(path.parent)
    check_paths(records=outputs.records, trace=outputs.chrome_trace)
    inputs = load_inputs(settings)
    task = inputs.tasks()[0]
    env = inputs.make_env(task, record=outputs.recorded)
    policy = inputs.make_policy(task, env)
    with note_if_slow(COMPILING, after_s=4.0):
        warm_up(inputs, task)
    lines = not (outputs.as_json or outputs.quiet)
    if lines:
        print(step_header())
    on_step = (lambda row: print(step_line(env.pipeline, row))) if lines else None
    played = play(env, policy, seed=task.seed, start=inputs.start(task), on_step=on_step)
    result = measure(task, env, played)
    about: dict[str, str | float] = {
        "pipeline": task.pipeline,
        "trace": task.trace,
        "agent": task.agent,
        "seed": task.seed,
    }
    sla = {"sla_s": env.pipeline.sla_s}
    steps = [about | asdict(interval_result(env.pipeline, row)) | sla for row in env.rows]
    if outputs.as_json:
        print_json({"settings": asdict(settings), "result": asdict(result), "intervals": steps})
    else:
        show(totals_table(result))
    if outputs.csv is not None:
        write_frame(pl.DataFrame(steps).drop(INTERVAL_LISTS), outputs.csv.with_suffix(".csv"))
    if outputs.render is not None:
        note(f"drew {draw_episode(env.pipeline, env.rows, outputs.render)}")
    if outputs.recorded:
        write_recorded(recorded_run(env.simulator, env.rows), outputs, about=about)


def write_recorded(run: RecordedRun, outputs: Outputs, *, about: Mapping[str, str | float]) -> None:
    """Write the tables and the trace that were asked for; ``about`` goes into the trace."""
    if outputs.records is not None:
        requests, replicas = write_records(run, outputs.records)
        note(f"wrote {requests} (requests) and {replicas} (replicas)")
    if outputs.chrome_trace is not None:
        path = write_chrome_trace(run, outputs.chrome_trace, about=about)
        note(f"wrote {path}; open it in https://ui.perfetto.dev or chrome://tracing")


def draw_episode(pipeline: Pipeline, rows: list[IntervalRow], path: Path) -> Path:
    """Write the episode's picture, as `PipelineEnv.render` gives it, into a PNG file."""
    from matplotlib.image import imsave

    from ipa_gym.rendering import episode_frame

    frame = episode_frame(pipeline, rows)
    return write_atomically(path, lambda temporary: imsave(temporary, frame, format="png"))
