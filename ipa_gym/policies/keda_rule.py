"""The arithmetic of KEDA on a measured rate: the metric, and what Kubernetes' autoscaler makes of it. Pure functions.

KEDA hands the autoscaler an external metric with a target per replica (``AverageValue``), both in thousandths;
`recommend` is the autoscaler's ratio rule for such a metric. Stabilisation and growth limit are those of
`hpa_rule.limited`. Memory is kept by `keda.py`.
Source: github.com/kedacore/keda, pkg/scalers/prometheus_scaler.go and scaler.go (thousandths); Kubernetes'
pkg/controller/podautoscaler/replica_calculator.go, GetExternalPerPodMetricReplicas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ipa_gym.policies.hpa_rule import ceil_ratio, within_tolerance

_THOUSANDTHS = 1000
_ROUND_OFF = 1e-6  # thousandths; a float's error must not cut one off


def measured_rate_rps(history_rps: Sequence[float], bins: int) -> float:
    """The rate that the metric reports: mean of the newest maxima of the load history.

    Args:
        history_rps: the highest second of each 10 s, the oldest first.
        bins: how many of the newest count, >= 1.
    """
    newest = list(history_rps)[-bins:]
    return sum(newest) / len(newest)


def thousandths(value: float) -> int:
    """A metric or a threshold as KEDA hands it on: whole thousandths, cut off."""
    return math.floor(value * _THOUSANDTHS + _ROUND_OFF)


def recommend(rate_rps: float, current: int, *, threshold_rps: float, tolerance: float) -> int:
    """Replicas that the ratio rule asks for: ceil(rate / threshold), no change within the tolerance.

    The ratio is rate / (threshold · replicas). Replicas that are still starting count like any other: an external
    metric says nothing of single ones.

    Args:
        rate_rps: measured rate of the whole stage.
        current: replicas that serve or start, >= 1.
        threshold_rps: rate a replica, > 0; less than a thousandth counts as one.
        tolerance: fraction; 0.1 is Kubernetes' default.
    Returns: replicas, >= 0; the caller applies minimum and maximum.
    """
    rate, threshold = thousandths(rate_rps), max(1, thousandths(threshold_rps))
    if within_tolerance(rate, threshold * current, tolerance):
        return current
    return ceil_ratio(rate, threshold)
