"""What a pipeline is: frozen values `Variant`, `Stage`, `Objective`, `Pipeline`, and `Configuration`, what runs now.

Latencies here already include the deployment's slowdown: the simulator and the optimiser see the same profile.
Nothing here reads files; cards are read by `ipa_gym.cards`. Next: `ipa_gym/queueing/simulator.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ipa_gym.accuracy import AccuracyMeasure, pas, scaled_ranks
from ipa_gym.errors import OptionError, unknown_name


@dataclass(frozen=True, slots=True)
class Variant:
    """One model of a stage's task and its latency profile."""

    name: str
    accuracy: float  # percent, 0..100
    cores: float  # cores of one replica ("base allocation"), > 0
    startup_s: float  # seconds from the decision until a new replica serves, >= 0
    batch_sizes: tuple[int, ...]  # profiled batch sizes: powers of two from 1, ascending
    latency_s: tuple[float, ...]  # seconds to serve a batch of that size, slowdown included, non-decreasing

    def batch_latency_s(self, requests: int) -> float:
        """Seconds to serve a batch of ``requests``, linear between profiled sizes.

        Raises: OptionError if ``requests`` is outside the profile.
        """
        if not 1 <= requests <= self.batch_sizes[-1]:
            raise OptionError(f"variant {self.name}: batch of {requests}; profiled are 1 to {self.batch_sizes[-1]}")
        right = bisect_left(self.batch_sizes, requests)
        if self.batch_sizes[right] == requests:
            return self.latency_s[right]
        low, high = self.batch_sizes[right - 1], self.batch_sizes[right]
        fraction = (requests - low) / (high - low)
        return self.latency_s[right - 1] + fraction * (self.latency_s[right] - self.latency_s[right - 1])

    def throughput_rps(self, batch: int) -> float:
        """Requests per second that one replica sustains with full batches: h(b) = b / l(b)."""
        return batch / self.batch_latency_s(batch)


@dataclass(frozen=True, slots=True)
class Stage:
    """One task of the chain with the variants that can serve it."""

    name: str
    variants: tuple[Variant, ...]

    @property
    def accuracy_ranks(self) -> tuple[float, ...]:
        """Scaled accuracy rank of each variant, 0 (worst) to 1 (best)."""
        return scaled_ranks([variant.accuracy for variant in self.variants])

    def variant_index(self, name: str) -> int:
        """Index of the variant called ``name``. Raises: UnknownNameError."""
        for index, variant in enumerate(self.variants):
            if variant.name == name:
                return index
        raise unknown_name(f"variant of stage {self.name}", name, [v.name for v in self.variants])


@dataclass(frozen=True, slots=True)
class Objective:
    """Weights of IPA's objective and of the SLA penalty in the reward (per interval)."""

    alpha: float  # per unit of the accuracy measure
    beta: float  # per core
    delta: float  # per request of batch size, summed over stages
    rho: float  # per SLA violation as a fraction of the expected requests of an interval
    accuracy_measure: AccuracyMeasure


@dataclass(frozen=True, slots=True)
class StageConfiguration:
    """What one stage runs: variant index, batch size in requests, replicas."""

    variant: int
    batch: int
    replicas: int


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the whole pipeline runs: one `StageConfiguration` a stage, in order."""

    stages: tuple[StageConfiguration, ...]


@dataclass(frozen=True, slots=True)
class Baselines:
    """What the compared heuristics keep fixed on this pipeline; None: the heuristic's own rule."""

    fa2_high_variants: tuple[int, ...] | None = None  # variant index of each stage
    rim_replicas: tuple[int, ...] | None = None  # replicas of each stage


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A chain of stages with its service level, limits and objective. Times in seconds."""

    name: str
    title: str
    stages: tuple[Stage, ...]
    sla_s: float  # end to end
    drop_after_s: float  # a request older than this is dropped where a stage would start it
    batch_timeout_s: float  # the longest a queue's head waits for its batch to fill
    batch_cap: int  # largest batch size a controller may choose, a power of two
    replica_cap: int  # most replicas of a stage
    slowdown: float  # deployed over profiled latency; already inside `Variant.latency_s`
    objective: Objective
    forecast: str = "reactive"
    initial: Configuration | None = None  # None: IPA's decision for the maximum of the load history
    baselines: Baselines = Baselines()
    version: str = "0"
    load_scale_rps: float = 32.0  # the observation's unit of load, a power of two; the same on every trace

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Batch sizes that a controller may choose: powers of two up to the cap."""
        return tuple(1 << power for power in range(self.batch_cap.bit_length()))

    def with_limits(self, *, batch_cap: int | None = None, replica_cap: int | None = None) -> Pipeline:
        """A copy with other caps. Raises: OptionError if a cap is outside what the profiles allow."""
        new_batch_cap = self.batch_cap if batch_cap is None else batch_cap
        new_replica_cap = self.replica_cap if replica_cap is None else replica_cap
        profiled = min(variant.batch_sizes[-1] for stage in self.stages for variant in stage.variants)
        if not 1 <= new_batch_cap <= profiled or new_batch_cap & (new_batch_cap - 1):
            raise OptionError(f"batch_cap is {new_batch_cap}; expected a power of two from 1 to {profiled}")
        if not 1 <= new_replica_cap <= 10_000:
            raise OptionError(f"replica_cap is {new_replica_cap}; expected 1 to 10000")
        return replace(self, batch_cap=new_batch_cap, replica_cap=new_replica_cap)

    def accuracies(self, variants: Sequence[int]) -> tuple[float, ...]:
        """Accuracy in percent of the chosen variant of each stage."""
        return tuple(stage.variants[index].accuracy for stage, index in zip(self.stages, variants, strict=True))

    def pas(self, variants: Sequence[int]) -> float:
        """Pipeline accuracy score of the chosen variants, in [0, 1]."""
        return pas(self.accuracies(variants))

    def accuracy_value(self, variants: Sequence[int], measure: AccuracyMeasure | None = None) -> float:
        """The objective's A for the chosen variants (one index a stage), by the card's measure or the one given."""
        measure = measure or self.objective.accuracy_measure
        if measure == "product":
            return self.pas(variants)
        ranks = [stage.accuracy_ranks[index] for stage, index in zip(self.stages, variants, strict=True)]
        if measure == "rank_sum":
            return float(sum(ranks))
        value = 1.0
        for rank in ranks:
            value *= rank
        return value

    def cost_cores(self, configuration: Configuration) -> float:
        """Cores of all replicas of a configuration: the sum over stages of n · R."""
        return sum(
            choice.replicas * stage.variants[choice.variant].cores
            for stage, choice in zip(self.stages, configuration.stages, strict=True)
        )

    def objective_value(self, configuration: Configuration) -> float:
        """IPA's objective α · A − β · cost − δ · Σ b of a configuration."""
        weights = self.objective
        accuracy = self.accuracy_value([choice.variant for choice in configuration.stages])
        batches = sum(choice.batch for choice in configuration.stages)
        return weights.alpha * accuracy - weights.beta * self.cost_cores(configuration) - weights.delta * batches
