"""The paper's rule for the cores of one replica, and Swayam's rule for a stage's SLA.

Pure arithmetic on numbers given; which numbers a card has is in `ipa_gym.profiling.allocation_report`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ipa_gym.errors import OptionError

SLA_FACTOR = 5.0  # Swayam: a stage may take five times its mean service time


@dataclass(frozen=True, slots=True)
class CoreOption:
    """What one replica does on some cores at batch 1, safety margins included."""

    cores: float
    latency_s: float
    throughput_rps: float


def stage_sla_s(latencies_s: Sequence[float]) -> float:
    """A stage's SLA: 5 × the mean over its variants of the latency at batch 1. A pipeline's SLA is the stages' sum.

    Args:
        latencies_s: seconds at batch 1, one a variant, margins included.
    Raises: OptionError if there is none.
    Source: IPA (arXiv 2308.12871v3), after Swayam.
    """
    if not latencies_s:
        raise OptionError("stage_sla_s: no latency; expected one a variant")
    return SLA_FACTOR * sum(latencies_s) / len(latencies_s)


def base_allocation(options: Sequence[CoreOption], *, threshold_rps: float, sla_s: float) -> float | None:
    """R: the fewest cores at which one replica sustains the threshold within the stage's SLA; None if none does.

    Args:
        options: the numbers of cores to choose from, in any order.
        threshold_rps: requests per second that a replica must sustain, > 0; equality suffices.
        sla_s: the stage's SLA in seconds, > 0; equality suffices.
    Raises: OptionError if the threshold or the SLA is not positive.
    Source: IPA (arXiv 2308.12871v3), base allocation.
    """
    if threshold_rps <= 0 or sla_s <= 0:
        raise OptionError(f"base_allocation: threshold {threshold_rps} rps, SLA {sla_s} s; expected both > 0")
    enough = [o.cores for o in options if o.throughput_rps >= threshold_rps and o.latency_s <= sla_s]
    return min(enough, default=None)
