"""The measured points behind the cards, and the rule that turns a row into a service time.

Reads ``envs/profile_points.csv`` (Xeon Gold 6126; published with the paper). A service time is how long a full
batch occupies its replica, so that throughput is batch / service time. Fitting is in `ipa_gym.profiling.model`.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ipa_gym.catalog import content_folder
from ipa_gym.errors import CardError

SATURATED_FRACTION = 0.99  # of the offered load: a replica that serves less was always busy, its batches full
BUSY_FRACTION = 0.5  # a replica idle for longer was not saturated: it merely met few arrivals
FILL_LIMIT_S = 0.5  # a batch that takes longer to arrive at the offered load did not fill: its row says nothing


@dataclass(frozen=True, slots=True)
class ProfilePoint:
    """One row: a variant under an offered load, on some cores with some batch size. Seconds, requests/s."""

    series: str
    variant: str
    cores: int
    batch: int
    offered_rps: float
    latency_mean_s: float | None
    latency_p99_s: float | None
    throughput_rps: float | None

    @property
    def saturated(self) -> bool:
        """Whether the replica could not keep up with the offered load."""
        if self.throughput_rps is None or self.throughput_rps >= SATURATED_FRACTION * self.offered_rps:
            return False
        latency_s = self.batch_latency_s
        return latency_s is None or self.throughput_rps * latency_s / self.batch >= BUSY_FRACTION

    @property
    def batch_latency_s(self) -> float | None:
        """Measured latency of a batch: the mean, or the p99 where the mean was not recorded."""
        return self.latency_mean_s if self.latency_mean_s is not None else self.latency_p99_s

    @property
    def filled(self) -> bool:
        """Whether the offered load fills a batch soon enough for the row to speak about full batches."""
        return self.batch == 1 or self.batch / self.offered_rps <= FILL_LIMIT_S


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """Seconds that a full batch occupies a replica, and how the row says so."""

    variant: str
    series: str
    cores: int
    batch: int
    seconds: float
    saturated: bool


def load_points(path: Path | None = None) -> tuple[ProfilePoint, ...]:
    """Read the measured points, by default those beside the cards. Raises: CardError if a row is no such row."""
    path = path or content_folder("envs") / "profile_points.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        return tuple(_point(row) for row in rows)
    except (KeyError, ValueError) as error:
        raise CardError(f"{path}: {error}; expected the columns of the shipped profile_points.csv.") from error


def service_times(points: Sequence[ProfilePoint]) -> tuple[ServiceTime, ...]:
    """What the rows say about full batches; rows that say nothing are left out.

    1. Batches that the offered load does not fill within 0.5 s: left out.
    2. Saturated rows (throughput below 99 % of the offered load, and busy half of the time or more):
       batch / throughput.
    3. Others: the mean latency of a batch, or its p99 where the mean was not recorded.
    Where a series measured a point (variant, cores, batch) under several loads, its saturated rows win over the
    others, and of those the row with the highest load.
    """
    best: dict[tuple[str, str, int, int], tuple[tuple[bool, float], ServiceTime]] = {}
    for point in points:
        seconds = _service_s(point)
        if seconds is None:
            continue
        key = (point.variant, point.series, point.cores, point.batch)
        order = (point.saturated, point.offered_rps)
        if key not in best or order > best[key][0]:
            measured = ServiceTime(point.variant, point.series, point.cores, point.batch, seconds, point.saturated)
            best[key] = (order, measured)
    return tuple(entry for _, entry in best.values())


def _service_s(point: ProfilePoint) -> float | None:
    if not point.filled:
        return None
    if point.saturated and point.throughput_rps is not None:
        return point.batch / point.throughput_rps
    return point.batch_latency_s


def _point(row: dict[str, str]) -> ProfilePoint:
    return ProfilePoint(
        series=row["notebook"],
        variant=row["variant"],
        cores=int(row["cores"]),
        batch=int(row["batch"]),
        offered_rps=float(row["offered_rps"]),
        latency_mean_s=_number(row["latency_avg_s"]),
        latency_p99_s=_number(row["latency_p99_s"]),
        throughput_rps=_number(row["throughput_max_rps"]),
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
