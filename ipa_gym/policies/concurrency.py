"""Requests that a stage holds, as an autoscaler on concurrency measures them, and their mean over a window.

Pure functions of what is observed; `kpa.py` and `ray_serve.py` keep the samples. Nothing here scales anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from ipa_gym.observation import StageObservation

Sample = tuple[float, float]  # (at_s, requests): measured at that second of the episode

_FLOAT32_DIGITS = 6  # decimals of a fraction that the float32 observation carries for certain
_ROUND_OFF_S = 1e-9  # a float's error must not decide whether a sample is inside a window


def ongoing_requests(stage: StageObservation) -> float:
    """Requests waiting in a stage and being served by it: queue + utilisation · replicas · batch.

    The queue is exact, but of the one instant of the observation. The second term is the mean of the last interval:
    exact where batches were full and the replicas did not change, too high by the empty places of batches that were not
    full.
    """
    serving = round(stage.utilisation, _FLOAT32_DIGITS) * stage.replicas * stage.batch
    return stage.queue_requests + serving


def younger_than(samples: Sequence[Sample], age_s: float, *, now_s: float) -> list[Sample]:
    """The samples that are younger than ``age_s`` seconds: not one of just that age, always one of this instant."""
    oldest_s = max(0.0, age_s - _ROUND_OFF_S)
    return [sample for sample in samples if now_s - sample[0] <= oldest_s]


def window_mean(samples: Sequence[Sample], window_s: float, *, now_s: float) -> float:
    """Mean of the samples of the last ``window_s`` seconds, each of which stands for the interval before it.

    With fewer samples than the window holds, the mean of those; in a window shorter than an interval, the newest alone.

    Args:
        samples: the newest last, that one taken at ``now_s``.
    """
    inside = younger_than(samples, window_s, now_s=now_s)
    return sum(requests for _, requests in inside) / len(inside)
