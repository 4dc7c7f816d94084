"""`MPCPolicy`: model predictive control with the queueing kernel itself as the model.

Parts: `load.py` and `starts.py` remember, `reconstruction.py` guesses the state, `scenarios.py` the arrivals,
`plans.py` says what to try, `rollouts.py` what it is worth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.observation import Observation
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.mpc.load import LoadMemory, StageInterval, arrivals_of_interval
from ipa_gym.policies.mpc.plans import Action, Candidates, Plan
from ipa_gym.policies.mpc.reconstruction import Situation, guess_stage
from ipa_gym.policies.mpc.rollouts import Rollouts
from ipa_gym.policies.mpc.scenarios import Arrivals, Scenarios
from ipa_gym.policies.mpc.starts import StartingReplicas
from ipa_gym.policies.parameters import Parameter, checked, number, whole

_REFINED = 2  # best plans of a round whose neighbours the next one tries


@dataclass(slots=True)
class _Memory:
    """What is remembered of one episode."""

    load: LoadMemory
    starts: tuple[StartingReplicas, ...]  # of each stage
    decisions: int = 0
    seen: Observation | None = None  # the newest, and under its decision ...
    started: tuple[tuple[float, ...], ...] = ()  # ... seconds until starting replicas are ready, of each stage


class MPCPolicy:
    """Rolls the kernel forward for many plans and takes the first step of the best.

    Rule, at every decision: (1) reconstruct the state from the observation and what the policy remembers of its own
    decisions; (2) sample what may arrive, ``samples`` times, around the smoothed mean load; (3) plans: IPA's optima
    for a ladder of loads, with any variants and with the present ones, from now on or from one of the next intervals
    on, and what runs now, held; (4) roll each plan forward under the same samples over ``horizon`` seconds, charge the
    SLA violations of the requests that are inside then, and let ``afterwards`` seconds of IPA's optimum with the
    variants that serve by then follow; (5) in further rounds the same for plans with up to two replicas more or fewer
    in one stage than the best two; (6) the first configuration of the plan of best mean reward.
    It sees the observation only; the forecast in it is not used.
    Agent: ``mpc``.
    Source: model predictive control as in Rawlings, Mayne & Diehl, "Model Predictive Control: Theory, Computation, and
    Design" (2nd ed., 2017); the choice of plans is ours.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "horizon": number(50.0, above=0, up_to=3600, meaning="how far plans are rolled forward, seconds"),
        "afterwards": number(
            60.0, above=0, up_to=86_400, meaning="how long the variants of a plan's end are taken to serve on, seconds"
        ),
        "samples": whole(8, low=1, high=1024, meaning="sampled arrivals that every plan meets"),
        "plans": whole(64, low=1, high=4096, meaning="most plans of a round"),
        "rounds": whole(2, low=1, high=100, meaning="rounds; all but the first try neighbours of the best plans"),
        "latest_switch": whole(2, low=0, high=1000, meaning="most intervals that a plan waits before it switches"),
        "lowest_load": number(0.9, above=0, up_to=10, meaning="the ladder's lowest load over the mean (a ratio)"),
        "highest_load": number(2.5, above=0, up_to=100, meaning="the ladder's highest load over the mean (a ratio)"),
        "rungs": whole(9, low=1, high=1000, meaning="loads on the ladder, at equal ratios"),
        "smoothing": number(0.6, above=0, up_to=1, meaning="weight of the newest 10 s in the mean load (fraction)"),
        "volatility": number(
            0.1, above=0, up_to=3, meaning="standard deviation of the load's logarithm after 10 s (a ratio)"
        ),
        "seed": whole(0, low=0, high=2**63 - 1, meaning="of the samples; independent of the environment's"),
    }

    def __init__(self, setting: Setting, **parameters: Any) -> None:  # Any: each is of its own type
        """Raises: OptionError or UnknownNameError for a parameter that `PARAMETERS` does not allow."""
        chosen: dict[str, Any] = checked(self.PARAMETERS, parameters, where="parameters")  # Any: as above
        lowest, highest = float(chosen["lowest_load"]), float(chosen["highest_load"])
        if lowest > highest:
            raise OptionError(
                f"parameters.lowest_load is {lowest:g} beside highest_load {highest:g}; expected at most that"
            )
        self._setting, self._chosen = setting, chosen
        self._horizon = max(1, round(chosen["horizon"] / setting.interval_s))  # intervals
        self._afterwards = chosen["afterwards"] / setting.interval_s  # intervals
        self._candidates = Candidates(
            setting,
            np.geomspace(lowest, highest, chosen["rungs"]).tolist(),
            horizon=self._horizon,
            latest_switch=chosen["latest_switch"],
        )
        self._scenarios = Scenarios(
            chosen["samples"],
            math.ceil(self._horizon * setting.interval_s),
            volatility=chosen["volatility"],
            seed=chosen["seed"],
        )
        self._rollouts: Rollouts | None = None  # made when first needed, and again in a copy
        self.reset()

    def __getstate__(self) -> dict[str, object]:
        """Without the fleet, in which nothing lasts."""
        return {**self.__dict__, "_rollouts": None}

    def reset(self) -> None:
        """Forget the episode."""
        self._memories: list[_Memory] = []  # of each environment
        self.diagnostics: Mapping[str, object] = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Decide. Shapes as in `Policy.act`."""
        action: ActionArray = self.act_many(np.asarray(observation).reshape(1, -1))[0]
        return action

    def act_many(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Decide for many environments whose episodes began with the same `reset`, each as if it were the only one.

        Args:
            observations: float32 (n, layout.size), always of the same environments in the same order.
        Returns: int64 (n, 3 · n_stages). Diagnostics are those of the last one.
        Raises: OptionError if their number has changed since `reset`.
        """
        if not self._memories:
            self._memories = [self._new_memory() for _ in observations]
        if len(observations) != len(self._memories):
            raise OptionError(
                f"{len(observations)} observations; expected {len(self._memories)}, as many as since reset()"
            )
        actions = [self._decide(seen, memory) for seen, memory in zip(observations, self._memories, strict=True)]
        return np.array(actions, dtype=np.int64)

    def _decide(self, observation: ObservationArray, memory: _Memory) -> Action:
        seen = self._setting.layout.read(observation)
        situation = self._situation(seen, memory)
        arrivals = self._scenarios.draw(memory.load.level_rps, noise=memory.load.noise, decision=memory.decisions)
        values = self._search(seen, memory.load.level_rps, situation, arrivals)
        best = max(values, key=values.__getitem__)  # the first of equals
        self.diagnostics = {
            "value": values[best],
            "held_value": next(iter(values.values())),
            "switches": best[0] != best[-1],
            "rollouts": len(values) * self._fleet.n_samples,
            "load_rps": memory.load.level_rps,
        }
        self._remember(seen, best[0], memory)
        return best[0]

    def _search(
        self, seen: Observation, level_rps: float, situation: Situation, arrivals: Arrivals
    ) -> dict[Plan, float]:
        """Mean reward of an interval of each plan that was tried, in the order in which they were."""
        plans = self._candidates.first(seen.configuration, level_rps)
        values: dict[Plan, float] = {}
        for index in range(self._chosen["rounds"]):
            if index:
                plans = self._candidates.near(sorted(values, key=values.__getitem__, reverse=True)[:_REFINED])
            untried = [plan for plan in plans if plan not in values][: self._fleet.n_plans]
            if untried:
                played = self._fleet.play(np.array(untried, dtype=np.int64), situation, arrivals)
                later = self._candidates.later(played.variants, level_rps)
                total = self._horizon * played.reward.mean(axis=1) + self._afterwards * later
                mean = total / (self._horizon + self._afterwards)
                values.update(zip(untried, mean.tolist(), strict=True))
        return values

    def _situation(self, seen: Observation, memory: _Memory) -> Situation:
        """Take in what the newest interval shows, and guess the state."""
        pipeline, interval_s, load = self._setting.pipeline, self._setting.interval_s, memory.load
        timeout_s = pipeline.batch_timeout_s
        if memory.seen is None:
            load.begin(seen)
            entered = [load.level_rps * interval_s] * len(seen.stages)
        else:
            entered = [
                arrivals_of_interval(StageInterval(*stage, interval_s), service_s, timeout_s=timeout_s)
                for stage, service_s in zip(
                    zip(memory.seen.stages, seen.stages, memory.started, strict=True),
                    self._fleet.model.service_s,
                    strict=True,
                )
            ]
            load.add(entered[0], seen)
        stages = tuple(
            guess_stage(stage, starts.ready_s(stage), rate_rps=requests / interval_s, timeout_s=timeout_s)
            for stage, starts, requests in zip(seen.stages, memory.starts, entered, strict=True)
        )
        return Situation(stages, load.rates_rps, interval_s, load.expected_requests)

    def _remember(self, seen: Observation, action: Action, memory: _Memory) -> None:
        decided = self._setting.actions.decode(np.array(action))
        memory.started = tuple(
            starts.decide(stage, choice, self._setting.interval_s)
            for starts, stage, choice in zip(memory.starts, seen.stages, decided.stages, strict=True)
        )
        memory.seen = seen
        memory.decisions += 1

    def _new_memory(self) -> _Memory:
        pipeline = self._setting.pipeline
        load = LoadMemory(self._setting.interval_s, smoothing=self._chosen["smoothing"], memory_s=pipeline.drop_after_s)
        return _Memory(load, tuple(StartingReplicas(startup_s) for startup_s in self._fleet.model.startup_s))

    @property
    def _fleet(self) -> Rollouts:
        if self._rollouts is None:
            chosen = self._chosen
            self._rollouts = Rollouts(
                self._setting, n_plans=chosen["plans"], n_samples=chosen["samples"], horizon=self._horizon
            )
        return self._rollouts
