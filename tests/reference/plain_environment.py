"""The environment's step in plain slow Python: load, model, reward and observation, written like the specification.

The twin of `ipa_gym/stepping/`. It takes the checked arguments (`EnvSettings`), the frozen pipeline, the hash of the
random streams and the layout of the observation; everything that a step computes is computed here anew, on top of
`plain_model.py`. Holt's forecast is statsmodels'. It serves tests only; next: tests/stepping/.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ipa_gym.catalog import content_folder
from ipa_gym.observation import Observation, ObservationLayout, StageObservation
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import Problem
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.seeding import hash_words, uniform
from ipa_gym.settings import EnvSettings
from ipa_gym.workload.trace import Trace
from tests.reference.plain_model import PlainModel

HISTORY_S, HORIZON_S, BIN_S = 120, 20, 10
COUNT_STREAM, TIME_STREAM = 0x41525243, 0x41525254
POISSON_PART = 16.0  # a Poisson number of a larger mean is the sum of numbers of this mean and the rest
HOLT_LEVEL, HOLT_TREND = 0.8, 0.2


@dataclass(frozen=True)
class PlainStep:
    """What a step returns, and what else the environment knows of the interval."""

    observation: np.ndarray
    reward: float
    truncated: bool
    info: dict[str, Any]  # Any: numbers, and the dict of reward terms
    row: dict[str, Any]  # Any: numbers, the decision, and the outcome by field


# --- load ---


def stream_key(seed: int, stream: int, second: int) -> np.uint64:
    return np.uint64(hash_words(np.uint64(seed), np.uint64(stream), np.uint64(second)))


def poisson_number(mean: float, key: np.uint64) -> int:
    """Inversion: the smallest number whose distribution function exceeds the uniform, for each part of the mean."""
    total, index = 0, 0
    while mean > 0:
        part = min(mean, POISSON_PART)
        u, number, term = uniform(key, index), 0, math.exp(-part)
        below = term
        while below <= u:
            number += 1
            term *= part / number
            below += term
        total, index, mean = total + number, index + 1, mean - part
    return total


def requests_of_second(count: int, second: int, *, seed: int, kind: str) -> int:
    """How many arrive in a second of the episode whose count in the trace is ``count``."""
    return poisson_number(float(count), stream_key(seed, COUNT_STREAM, second)) if kind == "poisson" else count


def times_in_second(number: int, second: int, *, seed: int, kind: str) -> list[float]:
    """When they arrive, sorted, before the next second."""
    if kind == "even":
        places = [(i + 0.5) / number for i in range(number)]
    else:
        key = stream_key(seed, TIME_STREAM, second)
        places = [uniform(key, i) for i in range(number)]
    return sorted(min(second + place, math.nextafter(second + 1, second)) for place in places)


@dataclass(frozen=True)
class PlainLoad:
    """Everything that arrives in an episode."""

    counts: list[int]  # the trace's, of each second of the window
    seen: list[int]  # 120 s of history, then what arrived, then up to 20 s after the window
    arrival_s: list[float]

    def history(self, now_s: float) -> list[int]:
        return self.seen[int(now_s) : int(now_s) + HISTORY_S]

    def history_maxima(self, now_s: float) -> list[int]:
        history = self.history(now_s)
        return [max(history[first : first + BIN_S]) for first in range(0, HISTORY_S, BIN_S)]

    def future(self, now_s: float) -> list[int]:
        now = HISTORY_S + int(now_s)
        return self.seen[now : now + HORIZON_S]

    def arrivals(self, start_s: float, stop_s: float) -> list[float]:
        return self.arrival_s[bisect_left(self.arrival_s, start_s) : bisect_left(self.arrival_s, stop_s)]

    def highest(self, start_s: float, stop_s: float) -> int:
        """Highest count of the episode's seconds that [start_s, stop_s) touches."""
        touched = range(int(start_s), min(math.ceil(stop_s), len(self.counts)))
        return max(self.seen[HISTORY_S + second] for second in touched)


def draw_load(trace: Trace, windows: tuple[tuple[int, int], ...], *, seed: int, kind: str) -> PlainLoad:
    tape, begin, end = trace.counts.tolist(), windows[0][0], windows[-1][1]
    counts = [count for first, stop in windows for count in tape[first:stop]]
    history = [tape[second] if second >= 0 else tape[begin] for second in range(begin - HISTORY_S, begin)]
    after = [*counts, *tape[end : end + HORIZON_S]]
    arrived = [requests_of_second(count, second, seed=seed, kind=kind) for second, count in enumerate(after)]
    times = [times_in_second(arrived[second], second, seed=seed, kind=kind) for second in range(len(counts))]
    return PlainLoad(counts, history + arrived, [time for second in times for time in second])


def forecast_rps(name: str, load: PlainLoad, now_s: float) -> float:
    """Highest load of the next 20 s, as the forecast called ``name`` sees it coming."""
    history, future = load.history(now_s), load.future(now_s)
    if name == "reactive":
        return max(history[-BIN_S:])
    if name == "max":
        return max(history)
    if name == "perfect":
        return max(future, default=history[-1])
    return {"holt": holt, "lstm": lstm}[name](load.history_maxima(now_s))


def holt(maxima: list[int]) -> float:
    from statsmodels.tsa.holtwinters import Holt

    model = Holt(np.array(maxima, float), initialization_method="known", initial_level=maxima[0], initial_trend=0.0)
    with np.errstate(divide="ignore"):  # a perfect fit has no finite information criterion, which nobody reads
        fitted = model.fit(smoothing_level=HOLT_LEVEL, smoothing_trend=HOLT_TREND, optimized=False)
        steps = fitted.forecast(2)
    return max(0.0, *steps.tolist())


def lstm(maxima: list[int]) -> float:
    """The shipped network, by Keras' formulas for an LSTM with the activation ReLU; gates in Keras' order."""
    from safetensors.numpy import load_file

    loaded = load_file(content_folder("agents") / "trained" / "forecaster.safetensors")
    weights = {name: array.astype(float) for name, array in loaded.items()}
    hidden = cell = np.zeros(25)
    for value in maxima:
        share = value / max(1, *maxima)
        z = share * weights["lstm.input"] + hidden @ weights["lstm.recurrent"] + weights["lstm.bias"]
        into, forget, candidate, out = (z[25 * gate : 25 * (gate + 1)] for gate in range(4))
        cell = sigmoid(forget) * cell + sigmoid(into) * np.maximum(0, candidate)
        hidden = sigmoid(out) * np.maximum(0, cell)
    predicted = float(hidden @ weights["dense.weight"] + weights["dense.bias"][0])
    return max(0.0, predicted * max(maxima))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# --- reward ---


def served_accuracy(
    pipeline: Pipeline, outcome: dict[str, Any], *, start_s: float, stop_s: float
) -> tuple[float, float]:
    """The accuracy measure and PAS, averaged over the pieces between the switches of the stages' variants."""
    switches = outcome["switch_s"]
    cuts = sorted({start_s, *(switch for switch in switches if not math.isnan(switch)), stop_s})
    measure = score = 0.0
    for left, right in pairwise(cuts):
        now = [
            after if math.isnan(switch) or switch <= left else before
            for before, after, switch in zip(outcome["variant_before"], outcome["variant"], switches, strict=True)
        ]
        measure += (right - left) / (stop_s - start_s) * pipeline.accuracy_value(now)
        score += (right - left) / (stop_s - start_s) * pipeline.pas(now)
    return measure, score


def reward_terms(
    pipeline: Pipeline,
    decision: Configuration,
    *,
    accuracy: float,
    cost_cores: float,
    violations: int,
    expected_requests: float,
) -> dict[str, float]:
    weights = pipeline.objective
    return {
        "accuracy": weights.alpha * accuracy,
        "cost": -weights.beta * cost_cores,
        "batch": -weights.delta * sum(choice.batch for choice in decision.stages),
        "violations": -weights.rho * violations / max(expected_requests, 1.0),
    }


# --- observation ---


def stages_at_start(initial: Configuration) -> tuple[StageObservation, ...]:
    """The initial configuration serves, nothing waits, nothing is measured yet."""
    return tuple(
        StageObservation(choice.variant, choice.variant, choice.batch, choice.replicas, 0, 0, 0.0, 0.0, 0)
        for choice in initial.stages
    )


def stages_seen(decision: Configuration, outcome: dict[str, Any]) -> tuple[StageObservation, ...]:
    def seen(stage: int, choice: StageConfiguration) -> StageObservation:
        serving_s, sojourn_s = outcome["serving_replica_s"][stage], float(outcome["sojourn_p99_s"][stage])
        return StageObservation(
            variant=outcome["variant"][stage],
            target_variant=choice.variant,
            batch=choice.batch,
            replicas=outcome["serving"][stage],
            starting=outcome["starting"][stage],
            queue_requests=outcome["queue_requests"][stage],
            utilisation=min(1.0, outcome["busy_replica_s"][stage] / serving_s),
            sojourn_p99_s=0.0 if math.isnan(sojourn_s) else sojourn_s,
            drops=outcome["dropped_at"][stage],
        )

    return tuple(seen(stage, choice) for stage, choice in enumerate(decision.stages))


# --- environment ---


class PlainEnvironment:
    """One environment, episode by episode."""

    def __init__(self, settings: EnvSettings) -> None:
        self.settings, self.pipeline, self.interval_s = settings, settings.pipeline, settings.interval_s
        self.layout = ObservationLayout(self.pipeline, self.interval_s)
        self.model = PlainModel(
            self.pipeline,
            interval_s=self.interval_s,
            service_cv=settings.service_cv,
            service_scale=settings.service_scale,
            startup_scale=settings.startup_scale,
        )

    def reset(self, *, seed: int, episode: int = 0, options: dict[str, int] | None = None) -> np.ndarray:
        """Begin episode number ``episode`` of the sequence of ``seed``; returns the first observation."""
        windows, episode_seed = self.settings.episodes.draw(seed, episode, options)
        self.load = draw_load(self.settings.trace, windows, seed=episode_seed, kind=self.settings.arrivals)
        self.expected_requests = sum(self.load.counts) / len(self.load.counts) * self.interval_s
        highest = float(max(self.load.history(0)))
        self.initial = self.pipeline.initial or solve_exact(Problem(self.pipeline, highest)).configuration
        self.model.reset(self.initial, seed=episode_seed)
        return self.observe(0.0, stages_at_start(self.initial))

    def observe(self, now_s: float, stages: tuple[StageObservation, ...]) -> np.ndarray:
        self.forecast_rps = forecast_rps(self.settings.forecast, self.load, now_s)
        maxima = np.array(self.load.history_maxima(now_s), dtype=np.float64)
        return self.layout.write(Observation(maxima, self.forecast_rps, stages))

    def decode(self, action: np.ndarray) -> Configuration:
        """For each stage: index of the variant, index of the batch size among powers of two, replicas - 1."""
        rows = action.reshape(-1, 3).tolist()
        return Configuration(tuple(StageConfiguration(variant, 2**batch, n + 1) for variant, batch, n in rows))

    def step(self, action: np.ndarray) -> PlainStep:
        k, decision, forecast_seen = self.model.k, self.decode(action), self.forecast_rps
        start_s, stop_s = k * self.interval_s, (k + 1) * self.interval_s
        outcome: dict[str, Any] = self.model.step(decision, np.array(self.load.arrivals(start_s, stop_s)))
        truncated = k + 1 == self.settings.n_intervals
        overdue = self.model.overdue_inside() if truncated else 0
        accuracy, pas = served_accuracy(self.pipeline, outcome, start_s=start_s, stop_s=stop_s)
        cost_cores = outcome["core_seconds"] / self.interval_s
        terms = reward_terms(
            self.pipeline,
            decision,
            accuracy=accuracy,
            cost_cores=cost_cores,
            violations=outcome["violations"] + overdue,
            expected_requests=self.expected_requests,
        )
        info = interval_info(outcome, stop_s=stop_s, overdue=overdue)
        info |= {"accuracy": accuracy, "pas": pas, "cost_cores": cost_cores, "reward_terms": terms}
        row = {
            "index": k,
            "start_s": start_s,
            "interval_s": self.interval_s,
            "decision": decision,
            "outcome": outcome,
            "forecast_rps": forecast_seen,
            "load_max_rps": self.load.highest(start_s, stop_s),
            "load_mean_rps": outcome["arrivals"] / self.interval_s,
            "overdue_at_end": overdue,
            "reward": sum(terms.values()),
        }
        return PlainStep(
            self.observe(stop_s, stages_seen(decision, outcome)), sum(terms.values()), truncated, info, row
        )


def interval_info(outcome: dict[str, Any], *, stop_s: float, overdue: int) -> dict[str, Any]:
    """The interval's metrics; latencies are NaN where nothing completed."""
    latency_s = outcome["latency_s"] or [math.nan]
    p50, p95, p99 = np.percentile(latency_s, (50, 95, 99)).tolist()
    return {
        "time_s": stop_s,
        "arrivals": outcome["arrivals"],
        "completed": outcome["completed"],
        "dropped": outcome["dropped"],
        "violations": outcome["violations"] + overdue,
        "latency_mean_s": float(np.mean(latency_s)),
        "latency_p50_s": p50,
        "latency_p95_s": p95,
        "latency_p99_s": p99,
        "queue_requests": sum(outcome["queue_requests"]),
    }
