"""`Rehearsal`: the episode that is about to be played, simulated beforehand in many copies that branch.

The very same arrivals and service times, from the same kernel: a plan that is rehearsed earns what it will earn. A
state is a row of arrays, so that branching is gathering rows. Nothing is searched here. Next: `beam.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipa_gym.action import ActionLayout
from ipa_gym.episode import METRICS
from ipa_gym.observation import ObservationLayout
from ipa_gym.pipeline import Configuration, StageConfiguration
from ipa_gym.queueing.state import Blocks, grown_blocks
from ipa_gym.settings import EnvSettings
from ipa_gym.stepping import Fleet
from ipa_gym.workload.trace import HISTORY_S

Plan = NDArray[np.int64]  # (n_intervals, 3 · n_stages), an action an interval
Actions = NDArray[np.int64]  # (n, 3 · n_stages)
Index = NDArray[np.int64]
Floats = NDArray[np.float64]

WIDTH = 256  # states that are stepped in one call: few enough to stay in the processor's cache
_QUEUE = METRICS.index("queue_requests")


@dataclass(slots=True, eq=False)
class States:
    """States at one interval's beginning, a row each."""

    blocks: Blocks  # replaced by the same state with more room where the fleet has grown

    def __len__(self) -> int:
        return len(self.blocks.counts)

    def take(self, rows: Index) -> States:
        """Copies of some of them."""
        seconds, counts, words, size = self.blocks
        return States(Blocks(seconds[rows], counts[rows], words[rows], size.copy()))


class Outcomes(NamedTuple):
    """What an interval came to, for each of n states and actions."""

    rewards: Floats  # (n,)
    waiting: Floats  # (n,) requests that wait in the pipeline at its end
    phase: Index  # (n,) one number for what serves at its end and which stages have replicas that still start


class Rehearsal:
    """One episode in up to ``width`` copies.

    Args:
        settings: of the environment; its forecast plays no part.
        start: first second of the window in the trace; ignored where the windows are fixed.
        seed: as `PipelineEnv.reset` takes it.
        width: most states that are stepped in one call.
    Raises: OptionError for a start outside the settings' split.
    """

    def __init__(self, settings: EnvSettings, *, start: int, seed: int, width: int = WIDTH) -> None:
        plain = replace(settings, forecast="reactive")
        options = {"start": start} if settings.episodes.fixed is None else None
        windows, episode_seed = settings.episodes.draw(seed, 0, options)
        self.settings, self._width, self.n_intervals = settings, width, settings.n_intervals
        self.actions = ActionLayout(settings.pipeline)
        layout = ObservationLayout(settings.pipeline, settings.interval_s)
        self.model, self.episode_seed = settings.simulator().model, episode_seed
        self._fleet = Fleet(plain, layout, width, model=self.model, n_threads=1)
        starts = np.full(width, windows[0][0], dtype=np.int64)
        seeds = np.full(width, episode_seed, dtype=np.uint64)
        initial = self._fleet.initial_decisions(starts[:1])
        self._fleet.begin(np.arange(width), starts, seeds, np.repeat(initial, width, axis=0))
        self.initial_action = self.actions.encode(
            Configuration(tuple(StageConfiguration(*row) for row in initial[0].tolist()))
        )
        self.start_state = States(self._fleet.memory.blocks).take(np.zeros(1, dtype=np.int64))
        self._phase_fields = tuple(
            (layout.field("variant", stage).slice, layout.field("starting", stage).start)
            for stage in range(layout.n_stages)
        )
        self._pending = np.zeros(width, dtype=np.bool_)
        self._table = np.zeros((width, self.actions.nvec.size), dtype=np.int64)
        self.n_steps = 0  # environment steps that were simulated

    @property
    def seen(self) -> NDArray[np.int64]:
        """Requests of each second: 120 s of history, the episode's, and those after it that the trace has."""
        found: NDArray[np.int64] = self._fleet.episodes.seen[0, : int(self._fleet.episodes.n_seen[0])]
        return found.copy()

    @property
    def counts(self) -> NDArray[np.int64]:
        """Requests that arrive in each second of the episode, int64 (episode_s,)."""
        return self.seen[HISTORY_S : HISTORY_S + self.settings.episodes.episode_s]

    @property
    def expected_requests(self) -> float:
        """Mean count per interval of the window."""
        return float(self._fleet.episodes.expected_requests[0])

    def try_out(self, states: States, parents: Index, actions: Actions) -> Outcomes:
        """One interval of a copy of a state for each of some actions; the copies are forgotten.

        Args:
            states: where they begin.
            parents: int64 (n,), in which of the states each action is taken.
            actions: int64 (n, 3 · n_stages).
        """
        parts = []
        for first in range(0, len(parents), self._width):
            part = slice(first, first + self._width)
            self._step(states, parents[part], actions[part])
            parts.append(self._outcomes(len(parents[part])))
        return Outcomes(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def advance(self, states: States, parents: Index, actions: Actions) -> tuple[States, Floats]:
        """The states after one interval, and its rewards; arguments as in `try_out`, at most ``width`` of them."""
        self._step(states, parents, actions)
        rewards = self._fleet.outputs.reward[: len(parents)].copy()
        return States(self._fleet.memory.blocks).take(np.arange(len(parents))), rewards

    def earned(self, plans: NDArray[np.int64]) -> Floats:
        """What plans earn in the whole episode.

        Args:
            plans: int64 (n, n_intervals, 3 · n_stages).
        Returns: float64 (n,), the sums of their rewards, added up interval by interval.
        """
        totals = np.zeros(len(plans))
        for first in range(0, len(plans), self._width):
            part = plans[first : first + self._width]
            states, parents = self.start_state, np.zeros(len(part), dtype=np.int64)
            for index in range(self.n_intervals):
                states, rewards = self.advance(states, parents, part[:, index])
                totals[first : first + self._width] += rewards
                parents = np.arange(len(part))
        return totals

    def _step(self, states: States, parents: Index, actions: Actions) -> None:
        n = len(parents)
        own = self._room_for(states)
        for source, target in zip(states.blocks[:3], own[:3], strict=True):
            np.take(source, parents, axis=0, out=target[:n], mode="clip")
        self._pending[:n] = True
        self._table[:n] = actions
        self._fleet.step(self._table, self._pending)
        self.n_steps += n

    def _outcomes(self, n: int) -> Outcomes:
        """What the last step of ``n`` copies came to."""
        outputs = self._fleet.outputs
        phase = np.zeros(n, dtype=np.int64)
        for variant, starting in self._phase_fields:
            seen = outputs.observation[:n]
            phase *= 2 * (variant.stop - variant.start)
            phase += 2 * seen[:, variant].argmax(axis=1) + (seen[:, starting] > 0.0)
        return Outcomes(outputs.reward[:n].copy(), outputs.metrics[:n, _QUEUE].copy(), phase)

    def _room_for(self, states: States) -> Blocks:
        """The fleet's arrays, which the states, made by it earlier, are brought to the layout of."""
        memory = self._fleet.memory
        if not np.array_equal(states.blocks.size, memory.blocks.size):
            states.blocks = grown_blocks(states.blocks, n_slots=memory.n_slots, n_places=memory.n_places)
        return memory.blocks
