"""The observation: one flat float32 vector, its fields named, placed, scaled and read back in one place.

`ObservationLayout` is the only list of the fields: the space, the docs' table and the policies' reading all come from
it. Scales are powers of two, so counts survive float32 exactly; nothing is clipped. Next: `env.py`, `policies/`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.pipeline import Configuration, Pipeline, Stage, StageConfiguration
from ipa_gym.workload.trace import HISTORY_S

HISTORY_BIN_S = 10  # seconds summarised by one maximum
HISTORY_BINS = HISTORY_S // HISTORY_BIN_S
_HIGHEST = 1024.0  # declared upper bound of open-ended fields: far above any reachable value, but finite


@dataclass(frozen=True, slots=True)
class Field:
    """One named slice of the observation. Value in the vector = natural value / ``scale``."""

    name: str
    stage: int | None  # stage index, None for the load
    start: int
    size: int
    scale: float
    high: float
    unit: str
    meaning: str

    @property
    def slice(self) -> slice:
        """Where the field lies in the vector."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True, slots=True)
class StageObservation:
    """What is seen of one stage, in natural units."""

    variant: int  # serving
    target_variant: int  # of the newest decision; differs from `variant` while a switch is under way
    batch: int
    replicas: int  # serving
    starting: int
    queue_requests: int
    utilisation: float  # busy replica-seconds over serving replica-seconds of the last interval, 0..1
    sojourn_p99_s: float  # of the batches that ended in the last interval; 0 where none did
    drops: int  # requests dropped at this stage in the last interval


@dataclass(frozen=True, slots=True)
class Observation:
    """The whole observation in natural units."""

    load_history_rps: NDArray[np.float64]  # (12,) maxima of 10 s, the oldest first
    forecast_rps: float
    stages: tuple[StageObservation, ...]

    @property
    def configuration(self) -> Configuration:
        """The newest decision as far as it can be seen: target variant, batch, and replicas serving or starting."""
        return Configuration(
            tuple(
                StageConfiguration(
                    s.target_variant,
                    s.batch,
                    max(1, s.starting if s.target_variant != s.variant else s.replicas + s.starting),
                )
                for s in self.stages
            )
        )


def _power_of_two(at_least: float) -> float:
    return float(2 ** max(0, math.ceil(math.log2(max(at_least, 1.0)))))


def _stage_fields(pipeline: Pipeline, stage: Stage, interval_s: float) -> list[tuple[str, int, float, float, str, str]]:
    load = pipeline.load_scale_rps
    slowest_s = max(variant.latency_s[0] for variant in stage.variants)
    replicas = min(_power_of_two(load * slowest_s), _power_of_two(pipeline.replica_cap))
    variants = len(stage.variants)
    names = ", ".join(variant.name for variant in stage.variants)
    return [
        ("variant", variants, 1.0, 1.0, "one-hot", f"serving variant ({names})"),
        ("target_variant", variants, 1.0, 1.0, "one-hot", "variant of the newest decision"),
        ("batch", 1, float(pipeline.batch_cap), 1.0, "requests", "batch size"),
        ("replicas", 1, replicas, _HIGHEST, "replicas", "replicas serving"),
        ("starting", 1, replicas, _HIGHEST, "replicas", "replicas starting"),
        ("queue_requests", 1, _power_of_two(load * pipeline.sla_s), _HIGHEST, "requests", "requests waiting"),
        ("utilisation", 1, 1.0, 1.0, "fraction", "busy over serving replica-seconds of the last interval"),
        (
            "sojourn_p99_s",
            1,
            pipeline.sla_s,
            _HIGHEST,
            "s",
            "p99 of enqueue to batch end in the last interval, over SLA",
        ),
        (
            "drops",
            1,
            _power_of_two(load * interval_s),
            _HIGHEST,
            "requests",
            "requests dropped here in the last interval",
        ),
    ]


class ObservationLayout:
    """Names every slice of the observation of a pipeline and reads it back.

    Args:
        pipeline: the pipeline with its caps.
        interval_s: seconds between decisions.
    """

    def __init__(self, pipeline: Pipeline, interval_s: float) -> None:
        load = pipeline.load_scale_rps
        history = f"load of the last {HISTORY_S} s as {HISTORY_BINS} maxima of {HISTORY_BIN_S} s, oldest first"
        specs = [
            (None, ("load_history_rps", HISTORY_BINS, load, _HIGHEST, "requests/s", history)),
            (None, ("forecast_rps", 1, load, _HIGHEST, "requests/s", "forecast: highest load of the next 20 s")),
        ] + [
            (s, spec) for s, stage in enumerate(pipeline.stages) for spec in _stage_fields(pipeline, stage, interval_s)
        ]
        fields: list[Field] = []
        start = 0
        for stage_index, (name, size, scale, high, unit, meaning) in specs:
            fields.append(Field(name, stage_index, start, size, scale, high, unit, meaning))
            start += size
        self.fields: tuple[Field, ...] = tuple(fields)
        self.size = start
        self.n_stages = len(pipeline.stages)
        self.scales: NDArray[np.float64] = np.concatenate([np.full(f.size, f.scale) for f in fields])
        self._by_key = {(field.stage, field.name): field for field in fields}

    def field(self, name: str, stage: int | None = None) -> Field:
        """The field called ``name`` of a stage (index from 0), or of the load. Raises: UnknownNameError."""
        try:
            return self._by_key[stage, name]
        except KeyError:
            raise unknown_name("observation field", name, {field.name for field in self.fields}) from None

    def space(self) -> spaces.Box:
        """The Gymnasium space: float32 (size,), from 0 to each field's highest value."""
        high = np.concatenate([np.full(field.size, field.high, dtype=np.float32) for field in self.fields])
        return spaces.Box(np.zeros(self.size, dtype=np.float32), high, dtype=np.float32)

    def write(self, observation: Observation) -> NDArray[np.float32]:
        """Build the vector, float32 (size,), from natural units."""
        vector = np.zeros(self.size, dtype=np.float64)
        vector[:HISTORY_BINS] = observation.load_history_rps
        vector[HISTORY_BINS] = observation.forecast_rps
        for index, stage in enumerate(observation.stages):
            for name in ("variant", "target_variant"):
                vector[self._by_key[index, name].start + getattr(stage, name)] = 1.0
            first = self._by_key[index, "batch"].start
            vector[first : first + 7] = (
                stage.batch,
                stage.replicas,
                stage.starting,
                stage.queue_requests,
                stage.utilisation,
                stage.sojourn_p99_s,
                stage.drops,
            )
        return (vector / self.scales).astype(np.float32)

    def read(self, observation: NDArray[np.float32]) -> Observation:
        """Read a vector back in natural units; counts come back exactly.

        Raises: OptionError if the vector has another shape.
        """
        vector = np.asarray(observation, dtype=np.float64)
        if vector.shape != (self.size,):
            raise OptionError(f"observation has shape {vector.shape}; expected ({self.size},)")
        return Observation(
            load_history_rps=vector[:HISTORY_BINS] * self.fields[0].scale,
            forecast_rps=float(vector[HISTORY_BINS] * self.fields[1].scale),
            stages=tuple(self._read_stage(vector, index) for index in range(self.n_stages)),
        )

    def _read_stage(self, vector: NDArray[np.float64], stage: int) -> StageObservation:
        def number(name: str) -> float:
            field = self._by_key[stage, name]
            return float(vector[field.start] * field.scale)

        def index(name: str) -> int:
            return int(vector[self._by_key[stage, name].slice].argmax())

        return StageObservation(
            variant=index("variant"),
            target_variant=index("target_variant"),
            batch=round(number("batch")),
            replicas=round(number("replicas")),
            starting=round(number("starting")),
            queue_requests=round(number("queue_requests")),
            utilisation=number("utilisation"),
            sojourn_p99_s=number("sojourn_p99_s"),
            drops=round(number("drops")),
        )

    def table(self) -> str:
        """The fields as a Markdown table: position, name, stage, unit, scale, meaning."""
        rows = ["| index | field | stage | unit | divided by | meaning |", "|---|---|---|---|---|---|"]
        for field in self.fields:
            last = field.start + field.size - 1
            place = f"{field.start}" if field.size == 1 else f"{field.start}–{last}"
            stage = "" if field.stage is None else str(field.stage + 1)
            rows.append(f"| {place} | `{field.name}` | {stage} | {field.unit} | {field.scale:g} | {field.meaning} |")
        return "\n".join(rows)
