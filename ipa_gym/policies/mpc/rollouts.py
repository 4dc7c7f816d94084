"""`Rollouts`: many copies of a reconstructed state, rolled forward by the step kernel under sampled arrivals.

All plans meet the same arrivals: sample i of one plan has the counts and the seed of sample i of every other. Nothing
here decides. Next: `plans.py`, `policy.py`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipa_gym.episode import METRICS
from ipa_gym.policies.base import Setting
from ipa_gym.policies.mpc.reconstruction import Situation, write_state
from ipa_gym.policies.mpc.scenarios import Arrivals
from ipa_gym.queueing.memory import KernelMemory
from ipa_gym.queueing.state import Blocks, Floats, Ints, Model, new_blocks, state_view
from ipa_gym.settings import EnvSettings
from ipa_gym.stepping import Fleet
from ipa_gym.windows import EpisodeWindows
from ipa_gym.workload.trace import HISTORY_S, Trace

_PLACES, _SLOTS = 264, 72  # room for requests and replicas at first; grows
_VIOLATIONS = METRICS.index("violations")


class Played(NamedTuple):
    """What came of k plans."""

    reward: Floats  # (k, n_samples), the mean of an interval
    variants: Ints  # (k, n_stages), what serves when the horizon ends, the same in all samples


class Rollouts:
    """A fleet of ``n_plans`` · ``n_samples`` environments of the policy's own, in which nothing lasts.

    An episode is ``horizon`` intervals and one more, without arrivals, in which only SLA violations are charged:
    those of the requests that the horizon leaves inside.
    """

    def __init__(self, setting: Setting, *, n_plans: int, n_samples: int, horizon: int) -> None:
        settings = _settings(setting, horizon + 1)
        n_envs, n_stages = n_plans * n_samples, setting.layout.n_stages
        memory = KernelMemory(n_envs, n_stages)
        memory.make_room(places=_PLACES, slots=_SLOTS)
        self.model: Model = settings.simulator().model
        self.n_plans, self.n_samples, self.horizon = n_plans, n_samples, horizon
        self._fleet = Fleet(settings, setting.layout, n_envs, model=self.model, memory=memory, n_threads=1)
        self._fleet.episodes.n_seen[:] = HISTORY_S + settings.episodes.episode_s
        self._one = new_blocks(1, n_stages, n_slots=1, n_places=1)
        self._one_hots = [setting.layout.field("variant", stage).slice for stage in range(n_stages)]
        self._rho = setting.pipeline.objective.rho
        self._actions = np.zeros((n_envs, setting.actions.nvec.size), dtype=np.int64)
        self._pending = np.zeros(n_envs, dtype=np.bool_)

    def play(self, plans: NDArray[np.int64], situation: Situation, arrivals: Arrivals) -> Played:
        """Play some plans from the same state, each under all samples of the arrivals.

        Args:
            plans: int64 (k, horizon, 3 · n_stages), k at most ``n_plans``: an action for each interval; the last one's
                holds for the interval that follows the horizon.
            arrivals: of all seconds of the horizon.
        """
        self._begin(situation, arrivals)
        n_envs = len(plans) * self.n_samples
        total, outputs = np.zeros(n_envs), self._fleet.outputs
        for step in range(self.horizon + 1):
            self._pending[:n_envs] = True
            self._actions[:n_envs] = np.repeat(plans[:, min(step, self.horizon - 1)], self.n_samples, axis=0)
            self._fleet.step(self._actions, self._pending)
            if step < self.horizon:
                total += outputs.reward[:n_envs]
            if step == self.horizon - 1:
                variants = self._serving(outputs.observation[: n_envs : self.n_samples])
        total -= self._rho * outputs.metrics[:n_envs, _VIOLATIONS] / max(situation.expected_requests, 1.0)
        return Played((total / self.horizon).reshape(len(plans), self.n_samples), variants)

    def _serving(self, observations: NDArray[np.float32]) -> Ints:
        """The serving variants in observations, float32 (k, layout.size), as int64 (k, n_stages)."""
        return np.stack([observations[:, one_hot].argmax(axis=1) for one_hot in self._one_hots], axis=1)

    def _begin(self, situation: Situation, arrivals: Arrivals) -> None:
        self._make_room(situation)
        write_state(state_view(self._one, 0), situation, self.model)
        _copy_used(self._fleet.memory.blocks, self._one, max(stage.n_inside for stage in situation.stages))
        self._fleet.memory.blocks.words[:, 0] = np.tile(arrivals.seeds, self.n_plans)
        load, n_seconds = self._fleet.episodes, arrivals.counts.shape[1]
        load.seen[:, HISTORY_S : HISTORY_S + n_seconds] = np.tile(arrivals.counts, (self.n_plans, 1))
        load.expected_requests[:] = situation.expected_requests

    def _make_room(self, situation: Situation) -> None:
        memory, stages = self._fleet.memory, situation.stages
        slots = max(stage.seen.replicas + len(stage.ready_s) for stage in stages)
        memory.make_room(places=sum(stage.n_inside for stage in stages), slots=slots)
        if not np.array_equal(self._one.size, memory.blocks.size):
            n_stages, n_slots, n_places = memory.blocks.size.tolist()
            self._one = new_blocks(1, n_stages, n_slots=n_slots, n_places=n_places)


def _settings(setting: Setting, n_intervals: int) -> EnvSettings:
    """Of environments whose episodes bring no load of their own."""
    seconds = math.ceil(n_intervals * setting.interval_s)
    return EnvSettings(
        pipeline=setting.pipeline,
        trace=Trace("sampled", np.zeros(seconds, dtype=np.int64)),
        episodes=EpisodeWindows((0, seconds), seconds, ((0, seconds),)),
        n_intervals=n_intervals,
        interval_s=setting.interval_s,
        arrivals="exact",
        forecast="reactive",
        service_cv=0.0,
        service_scale=1.0,
        startup_scale=1.0,
    )


def _copy_used(blocks: Blocks, one: Blocks, n_places: int) -> None:
    """Copy one pipeline's state to all: of each stage the first places of requests; those beyond are not in use."""
    n_stages, n_slots, room = blocks.size.tolist()
    blocks.words[:] = one.words
    slots, head = 2 * n_stages * n_slots, blocks.counts.shape[1] - n_stages * room
    blocks.seconds[:, :slots] = one.seconds[:, :slots]
    blocks.counts[:, :head] = one.counts[:, :head]
    seconds, counts = (-1, 2 * n_stages, room), (-1, n_stages, room)
    blocks.seconds[:, slots:].reshape(seconds)[:, :, :n_places] = one.seconds[:, slots:].reshape(seconds)[
        :, :, :n_places
    ]
    blocks.counts[:, head:].reshape(counts)[:, :, :n_places] = one.counts[:, head:].reshape(counts)[:, :, :n_places]
