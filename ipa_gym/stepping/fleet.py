"""`Fleet`: N environments of the same settings side by side in arrays, begun and stepped by the compiled step kernel.

`PipelineEnv` is a fleet of one, `PipelineVectorEnv` one of many: the same code and the same floats. Spaces, autoreset
and `info` are theirs; the fleet knows windows, seeds and actions. Next: `kernel.py`, `arrays.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.episode import METRICS
from ipa_gym.forecast import HORIZON_S, make_forecast
from ipa_gym.forecast.compiled import EXTERNAL
from ipa_gym.observation import HISTORY_BINS, ObservationLayout
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.queueing import Simulator
from ipa_gym.queueing.memory import KernelMemory
from ipa_gym.queueing.state import Ints, Model, RecordArrays, new_records, tallied
from ipa_gym.settings import EnvSettings
from ipa_gym.stepping.arrays import make_world, new_episodes, new_outputs
from ipa_gym.stepping.compilation import call
from ipa_gym.stepping.kernel import begin_range, step_range
from ipa_gym.stepping.threads import on_threads, processors
from ipa_gym.windows import Window
from ipa_gym.workload.trace import HISTORY_S, Trace, history_counts, window_counts

COMPLETED = METRICS.index("completed")
_FEWEST_A_THREAD = 32  # fewer environments are stepped on one thread: starting others would take longer


class Fleet:
    """N environments in arrays.

    Args:
        settings: what each of them is made of.
        layout: of their observations.
        n_envs: how many.
        model: of the settings' pipeline, as its simulator has it.
        memory: arrays of the queueing model to use, for N pipelines; None: its own.
        n_threads: threads to step them on; None: one a processor.
    """

    def __init__(
        self,
        settings: EnvSettings,
        layout: ObservationLayout,
        n_envs: int,
        *,
        model: Model,
        memory: KernelMemory | None = None,
        n_threads: int | None = None,
    ) -> None:
        threads = min(n_threads or processors(), max(1, n_envs // _FEWEST_A_THREAD))
        n_stages, n_seconds = layout.n_stages, settings.episodes.episode_s
        self.settings = settings
        self.memory = memory or KernelMemory(n_envs, n_stages, n_threads=threads)
        self.outputs = new_outputs(n_envs, layout.size)
        self.episodes = new_episodes(n_envs, n_seconds, horizon_s=HORIZON_S)
        self.forecast = make_forecast(settings.forecast)
        self._code = int(getattr(self.forecast, "code", EXTERNAL))
        self._world = make_world(settings, layout, model, forecast_code=self._code)
        self._forecast_scale = float(layout.scales[HISTORY_BINS])
        self._nothing_recorded = new_records(n_stages, 0, n_replicas=0)
        self._needed = np.zeros((threads, 2), dtype=np.int64)
        self._shares = tuple(
            (thread, thread * n_envs // threads, (thread + 1) * n_envs // threads) for thread in range(threads)
        )
        self._passed: tuple[tuple[Any, ...], ...] = ()
        self._passed_for = (0, 0, 0)
        self._held: tuple[Any, ...] = ()
        self._planner: ExactPlanner | None = None
        self._tape, self._tape_start = _tape(settings)

    # --- episodes ---

    def initial_decisions(self, starts: NDArray[np.int64]) -> Ints:
        """What serves at time 0 of episodes that begin at these seconds: the card's, else IPA's for the history.

        Args:
            starts: int64 (k,), first second of each episode's window in the trace.
        Returns: int64 (k, n_stages, 3), variant, batch, replicas.
        """
        card = self.settings.pipeline.initial
        if card is not None:
            table = np.array([(c.variant, c.batch, c.replicas) for c in card.stages], dtype=np.int64)
            return np.broadcast_to(table, (len(starts), *table.shape)).copy()
        if self._planner is None:
            self._planner = ExactPlanner(self.settings.pipeline)
        return self._planner.decide_many(self._highest_before(self._places(starts))).chosen

    def begin(
        self,
        index: NDArray[np.int64],
        starts: NDArray[np.int64],
        seeds: NDArray[np.uint64],
        initial: Ints,
        records: RecordArrays | None = None,
    ) -> None:
        """Begin an episode of some environments; their observations are in ``outputs``.

        Args:
            index: int64 (k,), which environments.
            starts: int64 (k,), first second of each window in the trace; ignored where the windows are fixed.
            seeds: uint64 (k,), of arrivals and service.
            initial: int64 (k, n_stages, 3), see `initial_decisions`.
            records: of the only environment, if it records.
        """
        self.memory.make_room(places=0, slots=int(initial[:, :, 2].max(initial=0)))
        call(
            begin_range, self._world, self.memory.blocks, self.episodes, self.outputs, self.memory.work,
            records or self._nothing_recorded, self._tape, index, self._places(starts), seeds, initial,
        )  # fmt: skip
        self._ask_forecast(index)

    def _places(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where episodes begin on the tape."""
        return starts if self._tape_start is None else np.full(len(starts), self._tape_start, dtype=np.int64)

    def _highest_before(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """The highest count of each episode's history, requests/s."""
        seconds = places[:, None] + np.arange(-HISTORY_S, 0)
        counts = np.where(seconds >= 0, self._tape[np.maximum(seconds, 0)], self._tape[places][:, None])
        highest: NDArray[np.float64] = counts.max(axis=1).astype(np.float64)
        return highest

    # --- steps ---

    def step(self, actions: NDArray[np.int64], pending: NDArray[np.bool_], records: RecordArrays | None = None) -> None:
        """Step some environments; what they return is in ``outputs``.

        Args:
            actions: int64 (n_envs, 3 · n_stages), C-contiguous, legal.
            pending: bool (n_envs,), which are stepped; all False afterwards.
            records: of the only environment, if it records, with room for the interval.
        """
        asked = np.flatnonzero(pending) if self._code == EXTERNAL else None
        self._run(actions, pending, records)
        if asked is not None:
            self._ask_forecast(asked)

    def step_each(self, actions: NDArray[np.int64]) -> list[NDArray[np.float64]]:
        """Step all environments one after another, with the floats of `step`, so that no latency is overwritten.

        Args:
            actions: as in `step`. The fleet must have been made with ``n_threads=1``.
        Returns: of each environment the latencies, float64 (completed,), of the interval's completed requests, seconds.
        """
        pending, latency_s = np.zeros(len(actions), dtype=np.bool_), []
        for index in range(len(actions)):
            pending[index] = True
            self._run(actions, pending, None)
            latency_s.append(self._latencies(int(self.outputs.metrics[index, COMPLETED])))
        self._ask_forecast(np.arange(len(actions)))
        return latency_s

    def _run(self, actions: NDArray[np.int64], pending: NDArray[np.bool_], records: RecordArrays | None) -> None:
        while call(on_threads, step_range, (*self._arrays(records), actions, pending, self._needed), self._shares):
            places, slots = self._needed.max(axis=0).tolist()
            self.memory.make_room(places=places, slots=slots)
            self._needed[:] = 0

    def _arrays(self, records: RecordArrays | None) -> tuple[tuple[Any, ...], ...]:  # Any: arrays of all types
        """The kernel's first arguments; made anew only where arrays have been replaced."""
        memory, kept = self.memory, records or self._nothing_recorded
        if self._passed_for != (id(memory.blocks), id(memory.work), id(kept)):
            arrays = (self._world, memory.blocks, self.episodes, self.outputs, memory.work, kept)
            self._passed = tuple(tuple(group) for group in arrays)
            self._passed_for = (id(memory.blocks), id(memory.work), id(kept))
            self._held = arrays  # an id means nothing once its owner is gone
        return self._passed

    def tallied(self, *, completed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], Ints]:
        """Latencies and tallies, as copies, of the environment stepped last on one thread; see `episode.Step`."""
        return self._latencies(completed), *tallied(self.memory.work, 0)

    def _latencies(self, completed: int) -> NDArray[np.float64]:
        return self.memory.work.place_s[0, 4, :completed].copy()

    def make_record_room(self, simulator: Simulator, action: NDArray[np.int64]) -> None:
        """Let the simulator of the only environment have room for the records of its next interval."""
        start_s, interval_s = simulator.clock_s, self.settings.interval_s
        first, end = int(start_s) + HISTORY_S, int(np.ceil(start_s + interval_s)) + 1 + HISTORY_S
        simulator.make_room(int(self.episodes.seen[0, first:end].sum()), int(action[2::3].max()) + 1)

    def _ask_forecast(self, index: NDArray[np.int64]) -> None:
        """Let a forecast that the kernel does not know predict for some environments."""
        if self._code != EXTERNAL:
            return
        seconds = (self.memory.blocks.counts[index, 0] * self.settings.interval_s).astype(np.int64)
        many = getattr(self.forecast, "predict_many", None)  # see `ManyForecasts`
        if many is None:
            predicted = self._ask_each(index, seconds)
        else:
            places = seconds[:, None] + np.arange(HISTORY_S)
            predicted = many(self.episodes.seen[index[:, None], places].astype(np.float64))
        self.episodes.forecast_rps[index] = predicted
        self.outputs.observation[index, HISTORY_BINS] = predicted / self._forecast_scale

    def _ask_each(self, index: NDArray[np.int64], seconds: NDArray[np.int64]) -> NDArray[np.float64]:
        """Ask for environments one by one, so many whole seconds into their episodes."""
        predicted = np.empty(len(index))
        for place, (i, second) in enumerate(zip(index.tolist(), seconds.tolist(), strict=True)):
            seen = self.episodes.seen[i, : int(self.episodes.n_seen[i])].astype(np.float64)
            now = second + HISTORY_S
            predicted[place] = self.forecast.predict(seen[second:now], seen[now : now + HORIZON_S])
        return predicted


def _tape(settings: EnvSettings) -> tuple[Ints, int | None]:
    """Counts that episodes are cut from, and where the only one begins if its windows are fixed."""
    trace, fixed = settings.trace, settings.episodes.fixed
    if fixed is None:
        return np.ascontiguousarray(trace.counts, dtype=np.int64), None
    return _joined(trace, fixed), HISTORY_S


def _joined(trace: Trace, windows: Sequence[Window]) -> Ints:
    """History, the windows one after another, and the seconds right after the last, where the trace goes on.

    A perfect forecast at the window's end looks at these.
    """
    end = windows[-1][1]
    parts = [history_counts(trace, windows[0][0]), window_counts(trace, windows), trace.counts[end : end + HORIZON_S]]
    return np.concatenate(parts).astype(np.int64)
