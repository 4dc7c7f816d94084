"""What overload costs: time per request and memory at 1, 10, 100 and 1,000 times the capacity, for whole episodes.

A card's smallest configuration serves arrivals spaced evenly; what it cannot serve grows too old and is dropped. Time
per request should not grow with the load, nor memory with the length of the episode. docs/model.md, "Edge cases", says
why; tests/queueing/test_edges.py counts work and bytes. Prints a Markdown table. Run:

    python benchmarks/overload.py [--card video] [--intervals 60] [--requests 3000000]
"""

from __future__ import annotations

import argparse
import pickle
import platform
import time

import numpy as np

from ipa_gym.cards import load_card
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.queueing import Simulator

TIMES_CAPACITY = (1, 10, 100, 1000)
BATCH = 4
UNTIMED = 3  # intervals


def smallest(pipeline: Pipeline) -> Configuration:
    """One replica of each stage's first variant, in batches of four where the card allows it."""
    return Configuration(tuple(StageConfiguration(0, min(BATCH, pipeline.batch_cap), 1) for _ in pipeline.stages))


def capacity_rps(pipeline: Pipeline, decision: Configuration) -> float:
    """Requests per second that the slowest stage carries."""
    return min(
        choice.replicas * stage.variants[choice.variant].throughput_rps(choice.batch)
        for stage, choice in zip(pipeline.stages, decision.stages, strict=True)
    )


def saved_bytes(simulator: Simulator) -> int:
    """Size of the simulator's saved state."""
    return len(pickle.dumps(simulator.get_state(), protocol=5))


def overload_row(pipeline: Pipeline, *, times: int, intervals: int, requests: int) -> str:
    """One row of the table: an episode at ``times`` the capacity; the first intervals, in which room grows, untimed."""
    decision = smallest(pipeline)
    simulator = Simulator(pipeline)
    simulator.reset(decision, seed=1)
    per_interval = max(1, round(times * capacity_rps(pipeline, decision) * simulator.interval_s))
    steps = max(4, min(intervals, requests // per_interval))
    offsets_s = np.arange(per_interval) / per_interval * simulator.interval_s
    elapsed_s, sizes = 0.0, []
    for step in range(-UNTIMED, steps):
        arrival_s = simulator.clock_s + offsets_s
        begun = time.perf_counter()
        simulator.step(decision, arrival_s)
        elapsed_s += (time.perf_counter() - begun) * (step >= 0)
        if step in (steps // 2, steps - 1):
            sizes.append(saved_bytes(simulator))
    nanoseconds = 1e9 * elapsed_s / (steps * per_interval)
    dropped = 100 * simulator.n_dropped / simulator.n_arrived
    return (
        f"| {times} | {per_interval} | {steps} | {dropped:.1f} | {nanoseconds:.1f} | {1e6 * elapsed_s / steps:.0f} "
        f"| {sizes[0] / 1024:.0f} | {sizes[1] / 1024:.0f} | {simulator.n_inside} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", default="video", help="name or path of a card")
    parser.add_argument("--intervals", type=int, default=60, help="length of an episode")
    parser.add_argument("--requests", type=int, default=3_000_000, help="fewer intervals where there would be more")
    arguments = parser.parse_args()
    pipeline = load_card(arguments.card).pipeline
    capacity = capacity_rps(pipeline, smallest(pipeline))
    print(
        f"{arguments.card}: {len(pipeline.stages)} stages, one replica each, capacity {capacity:.1f} requests/s, drop "
        f"limit {pipeline.drop_after_s:g} s. {platform.machine()}, Python {platform.python_version()}.\n"
    )
    overload_row(pipeline, times=1, intervals=4, requests=1_000)  # compiles
    print("| × capacity | requests a step | steps | dropped % | ns/request | µs/step | KiB half | KiB | inside |")
    print("|---|---|---|---|---|---|---|---|---|")
    for times in TIMES_CAPACITY:
        requests = arguments.requests
        print(overload_row(pipeline, times=times, intervals=arguments.intervals, requests=requests), flush=True)


if __name__ == "__main__":
    main()
