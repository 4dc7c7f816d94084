"""Puts a stage's requests back into the order of its queue, and into batches. Arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.queueing import Records


@dataclass(frozen=True, slots=True, eq=False)
class StageBatches:
    """The n batches that a stage has started, in order of start."""

    replica: NDArray[np.int64]  # (n,) number of the replica
    first_request: NDArray[np.int64]  # (n,) number of the first request that joined
    requests: NDArray[np.int64]  # (n,) how many joined
    start_s: NDArray[np.float64]  # (n,)
    end_s: NDArray[np.float64]  # (n,) NaN: in service
    longest_wait_s: NDArray[np.float64]  # (n,) of its first request, which entered the queue before the others


def queue_order(records: Records, stage: int) -> NDArray[np.int64]:
    """Numbers of the requests that entered a stage, in the order in which they did.

    Those that entered at one instant keep the order of the queue before: that is the order in which their batches
    started, and a batch keeps its own (docs/model.md).
    """
    order: NDArray[np.int64] = np.arange(len(records.arrival_s))
    for reached in range(1, stage + 1):
        order = order[np.argsort(records.enqueue_s[reached, order], kind="stable")]
    entered: NDArray[np.int64] = order[~np.isnan(records.enqueue_s[stage, order])]
    return entered


def stage_batches(records: Records, stage: int) -> StageBatches:
    """The batches of a stage (0, 1, ...)."""
    order = queue_order(records, stage)
    served = order[records.batch[stage, order] >= 0]
    _, place, requests = np.unique(records.batch[stage, served], return_index=True, return_counts=True)
    first = served[place]
    start_s = records.start_s[stage, first]
    return StageBatches(
        replica=records.replica[stage, first],
        first_request=first,
        requests=requests,
        start_s=start_s,
        end_s=records.end_s[stage, first],
        longest_wait_s=start_s - records.enqueue_s[stage, first],
    )
