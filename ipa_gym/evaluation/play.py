"""`play_windows`: one policy on all windows at once. `play_agent`: an agent card. `play_one`: one window, row by row.

What arrives in a window depends on its first second and the seed alone, so that every policy meets the same requests:
a window from second s is what ``PipelineEnv.reset(seed=seed + s, options={"start": s})`` begins, float for float.
Nothing is compared here. Next: `windows.py`, `comparison.py`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.action import ActionLayout
from ipa_gym.episode import IntervalRow, Step, interval_row
from ipa_gym.errors import OptionError
from ipa_gym.evaluation.record import COLUMN, WindowRecord
from ipa_gym.evaluation.results import WindowResults
from ipa_gym.observation import ObservationLayout
from ipa_gym.pipeline import Configuration, StageConfiguration
from ipa_gym.policies import AgentCard, Hindsight, Policy, Setting, build_policy, foresee
from ipa_gym.settings import EnvSettings
from ipa_gym.stepping import Fleet

Actions = NDArray[np.int64]  # (n_windows, 3 · n_stages)
Observations = NDArray[np.float32]  # (n_windows, layout.size)
Decide = Callable[[Observations], tuple[Actions, NDArray[np.float64]]]  # actions, and the seconds that each took


def play_agent(settings: EnvSettings, card: AgentCard, starts: NDArray[np.int64], *, seed: int = 0) -> WindowResults:
    """Play an agent with the forecast that its card asks for, or else the settings'.

    Args:
        settings: as in `play_windows`.
        card: of the agent.
        starts: as in `play_windows`.
        seed: as in `play_windows`.
    Raises: CardError for a card that this pipeline cannot take; else as `play_windows`.
    """
    asked = replace(settings, forecast=card.forecast or settings.forecast)
    return play_windows(asked, build_policy(card, setting_of(asked)), starts, seed=seed)


def setting_of(settings: EnvSettings) -> Setting:
    """What a policy may know of such an environment."""
    pipeline, interval_s = settings.pipeline, settings.interval_s
    return Setting(pipeline, ObservationLayout(pipeline, interval_s), ActionLayout(pipeline), interval_s)


def play_windows(settings: EnvSettings, policy: Policy, starts: NDArray[np.int64], *, seed: int = 0) -> WindowResults:
    """Play one policy on all windows at once.

    A policy that has ``act_many`` decides for all of them in one call; of any other each window gets a copy.

    Args:
        settings: of the environment, from `env_settings`; the length of its episodes is that of the windows.
        policy: for `setting_of` such settings; is reset first.
        starts: int64 (n_windows,), first seconds of the windows in the trace, see `evaluation_starts`.
        seed: of the arrivals and service times; the window from second s gets ``seed + s``.
    Raises: OptionError for a start outside the settings' split, or an action outside the space.
    """
    played = _Windows(settings, starts, seed)
    decide = _decider(policy, played.observations, settings, starts=starts, seed=seed)
    record = WindowRecord(settings.n_intervals, played.initial_actions)
    for _ in range(settings.n_intervals):
        actions, decision_s = decide(played.observations)
        latency_s = played.step(actions)
        record.add(np.asarray(actions), played.fleet.outputs, latency_s=latency_s, decision_s=decision_s)
    return record.results(starts)


def play_one(settings: EnvSettings, policy: Policy, start: int, *, seed: int = 0) -> list[IntervalRow]:
    """Play one window and keep all of it, as ``PipelineEnv.rows`` does: for `rendering.episode_frame`, say.

    Args:
        start: first second of the window in the trace.
        settings, policy, seed: as in `play_windows`.
    """
    starts = np.array([start])
    played = _Windows(settings, starts, seed)
    decide = _decider(policy, played.observations, settings, starts=starts, seed=seed)
    rows = []
    for index in range(settings.n_intervals):
        actions, _ = decide(played.observations)
        played.step(actions)
        metrics = played.fleet.outputs.metrics[0].copy()
        tallied = played.fleet.tallied(completed=int(metrics[COLUMN["completed"]]))
        step = Step(np.array(actions[0]), metrics, *tallied)
        rows.append(interval_row(step, played.actions, index=index, interval_s=settings.interval_s))
    return rows


class _Windows:
    """The windows side by side, begun."""

    def __init__(self, settings: EnvSettings, starts: NDArray[np.int64], seed: int) -> None:
        layout = ObservationLayout(settings.pipeline, settings.interval_s)
        self.n_windows = len(starts)
        self.actions = ActionLayout(settings.pipeline)
        drawn = [settings.episodes.draw(seed + start, 0, {"start": start}) for start in starts.tolist()]
        seeds = np.array([episode_seed for _, episode_seed in drawn], dtype=np.uint64)
        model = settings.simulator().model
        self.fleet = Fleet(settings, layout, self.n_windows, model=model, n_threads=1)
        initial = self.fleet.initial_decisions(np.asarray(starts, dtype=np.int64))
        self.fleet.begin(np.arange(self.n_windows), np.asarray(starts, dtype=np.int64), seeds, initial)
        self.initial_actions = np.array([self._encoded(rows) for rows in initial.tolist()])

    @property
    def observations(self) -> Observations:
        """What the policy sees now, (n_windows, layout.size), a copy."""
        return self.fleet.outputs.observation.copy()

    def step(self, actions: Actions) -> list[NDArray[np.float64]]:
        """One interval of every window. Returns: the latencies of each window's completed requests."""
        table = np.asarray(actions)
        if table.shape != (self.n_windows, self.actions.nvec.size) or table.dtype.kind not in "iu":
            raise OptionError(
                f"the policy gave actions of shape {table.shape} and type {table.dtype} for {self.n_windows} windows; "
                f"expected integers ({self.n_windows}, {self.actions.nvec.size})"
            )
        legal = ((table >= 0) & (table < self.actions.nvec)).all(axis=1)
        if not legal.all():
            self.actions.decode(table[int(np.argmin(legal))])  # says which number is wrong
        return self.fleet.step_each(np.ascontiguousarray(table, dtype=np.int64))

    def _encoded(self, rows: list[list[int]]) -> Actions:
        return self.actions.encode(Configuration(tuple(StageConfiguration(*row) for row in rows)))


def _decider(
    policy: Policy, observations: Observations, settings: EnvSettings, *, starts: NDArray[np.int64], seed: int
) -> Decide:
    """How the policy decides; a first decision, forgotten again, loads what it needs, so that no time contains that."""
    n_windows = len(observations)
    if isinstance(policy, Hindsight):
        return _deciding_apart(_foreseeing(policy, settings, starts=starts, seed=seed))
    act_many: Any = getattr(policy, "act_many", None)  # Any: only some policies have it
    apart = [policy] if act_many is not None else [policy, *(copy.deepcopy(policy) for _ in range(n_windows - 1))]
    for one in apart:
        one.reset()
    decide = _deciding_apart(apart) if act_many is None else _deciding_at_once(act_many, n_windows)
    if act_many is None:
        policy.act(observations[0])
    else:
        act_many(observations)
    policy.reset()
    return decide


def _deciding_at_once(act_many: Callable[[Observations], Actions], n_windows: int) -> Decide:
    def decide(observations: Observations) -> tuple[Actions, NDArray[np.float64]]:
        started = perf_counter()
        actions = act_many(observations)
        return actions, np.full(n_windows, (perf_counter() - started) / n_windows)

    return decide


def _foreseeing(policy: Policy, settings: EnvSettings, *, starts: NDArray[np.int64], seed: int) -> list[Policy]:
    """A copy for each window, which knows its future."""
    policies = [copy.deepcopy(policy) for _ in range(len(starts))]
    for one, start in zip(policies, starts.tolist(), strict=True):
        one.reset()
        foresee(one, settings, start=start, seed=seed + start)
    return policies


def _deciding_apart(policies: list[Policy]) -> Decide:
    """One policy a window, reset before: what each of them remembers is of its own window."""

    def decide(observations: Observations) -> tuple[Actions, NDArray[np.float64]]:
        actions, seconds = [], np.empty(len(policies))
        for index, (one, observation) in enumerate(zip(policies, observations, strict=True)):
            started = perf_counter()
            actions.append(one.act(observation))
            seconds[index] = perf_counter() - started
        return np.array(actions), seconds

    return decide
