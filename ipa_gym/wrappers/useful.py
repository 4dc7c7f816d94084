"""`UsefulConfigurations`: one choice among the pipeline's useful configurations in place of three numbers a stage.

For learners that value every action by itself, as DQN does: a few hundred actions instead of millions. The table is
`useful_configurations`, the rule behind it `ipa_gym/optimizer/frontier.py`. For many environments at once see
`ipa_gym/training/discrete_env.py`.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from ipa_gym.action import ActionLayout
from ipa_gym.errors import OptionError
from ipa_gym.optimizer.frontier import for_some_weight, frontier
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.settings import EnvSettings

MOST = 500  # configurations; a network's last layer has as many outputs
_DEVIATIONS = 4.0  # of a Poisson count above its mean: exceeded in about one second of 30,000

IntArray = NDArray[np.int64]


def useful_configurations(pipeline: Pipeline, *, peak_rps: float, step_rps: float = 1.0, most: int = MOST) -> IntArray:
    """The actions that may be the right ones at some load, as a table.

    The loads are 0, ``step_rps``, 2 · ``step_rps`` and so on up to the first that is not below ``peak_rps``. For each
    load: IPA's decision, and the configurations that meet IPA's constraints and that no other one beats in accuracy
    measure, PAS, cost, batch sizes and latency (`frontier`). Where these are more than ``most`` in all, only those that
    IPA would choose with some weight alpha of the accuracy (`for_some_weight`), with IPA's decisions.
    Args:
        pipeline: as the environment has it: caps, SLA and weights count.
        peak_rps: highest load, requests per second, above 0.
        step_rps: between two loads, above 0. At 1, the default, all loads that a forecast by maxima of whole counts can
            give are met exactly.
        most: configurations that the table may have.
    Returns: int64 (n, 3 · n_stages), read-only, in ascending order of capacity (the least n · h over the stages), then
        cost, then the action itself.
    Raises: OptionError for an argument out of its range, or where even the fewer configurations are too many.
    """
    loads_rps = _loads(peak_rps, step_rps)
    decided = ExactPlanner(pipeline).decide_many(loads_rps).chosen
    frontiers = [frontier(pipeline, load_rps) for load_rps in loads_rps.tolist()]
    chosen = _distinct([decided, *(found.chosen for found in frontiers)])
    if len(chosen) > most:
        corners = [for_some_weight(found, pipeline.objective).chosen for found in frontiers]
        chosen = _distinct([decided, *corners])
    if len(chosen) > most:
        raise OptionError(
            f"pipeline {pipeline.name} has {len(chosen)} useful configurations up to {peak_rps:g} requests/s; expected "
            f"at most {most}: raise most or step_rps, or lower peak_rps"
        )
    table = _actions(pipeline, _ordered(pipeline, chosen))
    table.flags.writeable = False
    return table


def highest_load_rps(settings: EnvSettings) -> float:
    """The load up to which an environment's useful configurations reach, requests/s.

    The busiest second of the trace, and where arrivals are drawn around the counts, four standard deviations more: a
    forecast sees what arrived.
    """
    peak_rps = float(max(1, settings.trace.counts.max()))
    return peak_rps + _DEVIATIONS * math.sqrt(peak_rps) if settings.arrivals == "poisson" else peak_rps


class UsefulConfigurations(
    gymnasium.ActionWrapper[NDArray[np.float32], np.int64, NDArray[np.int64]], RecordConstructorArgs
):
    """A single pipeline environment whose action is one number: a row of the table of useful configurations.

    Args:
        env: a `PipelineEnv`, wrapped or not.
        peak_rps: highest load of the table; None: see `highest_load_rps`.
        step_rps, most: see `useful_configurations`.
    Raises: OptionError if ``env`` is no pipeline environment, or as `useful_configurations`.

    >>> import gymnasium, ipa_gym
    >>> from ipa_gym.wrappers import UsefulConfigurations
    >>> env = UsefulConfigurations(gymnasium.make("ipa_gym/SumQA-v0"))
    >>> env.action_space
    Discrete(216)
    """

    def __init__(
        self,
        env: gymnasium.Env[NDArray[np.float32], NDArray[np.int64]],
        *,
        peak_rps: float | None = None,
        step_rps: float = 1.0,
        most: int = MOST,
    ) -> None:
        RecordConstructorArgs.__init__(self, peak_rps=peak_rps, step_rps=step_rps, most=most)
        super().__init__(env)
        inner: Any = env.unwrapped  # Any: a PipelineEnv, if it has what one has
        if not hasattr(inner, "settings") or not hasattr(inner, "actions"):
            raise OptionError(f"env is {type(inner).__name__}; expected a PipelineEnv, as gymnasium.make gives one")
        self._layout: ActionLayout = inner.actions
        highest_rps = highest_load_rps(inner.settings) if peak_rps is None else peak_rps
        self.table = useful_configurations(inner.pipeline, peak_rps=highest_rps, step_rps=step_rps, most=most)
        self.action_space = spaces.Discrete(len(self.table))

    def action(self, action: np.int64) -> IntArray:
        """The environment's own action, int64 (3 · n_stages,), of a row's number. Raises: OptionError outside it."""
        if isinstance(action, bool) or not self.action_space.contains(action):
            raise OptionError(f"action is {action!r}; expected a whole number from 0 to {len(self.table) - 1}")
        row: IntArray = self.table[action].copy()
        return row

    def configuration(self, index: int) -> Configuration:
        """What runs when row ``index`` is chosen. Raises: OptionError outside the table."""
        return self._layout.decode(self.action(np.int64(index)))

    def action_masks(self) -> NDArray[np.bool_]:
        """Which rows may ever pay, bool (n,): all; the environment's own masks are for its own actions."""
        return np.ones(len(self.table), dtype=np.bool_)


def _loads(peak_rps: float, step_rps: float) -> NDArray[np.float64]:
    for name, value in (("peak_rps", peak_rps), ("step_rps", step_rps)):
        if not (math.isfinite(value) and value > 0):
            raise OptionError(f"{name} is {value!r}; expected a finite number above 0")
    return step_rps * np.arange(math.ceil(peak_rps / step_rps - 1e-9) + 1, dtype=np.float64)


def _distinct(parts: list[IntArray]) -> IntArray:
    return np.unique(np.concatenate(parts), axis=0)


def _ordered(pipeline: Pipeline, chosen: IntArray) -> IntArray:
    """By capacity, then cost, then (variant, batch, replicas)."""
    capacity, cost = np.full(len(chosen), np.inf), np.zeros(len(chosen))
    for index, stage in enumerate(pipeline.stages):
        variant, batch, replicas = chosen[:, index].T
        one_rps = [[v.throughput_rps(size) for size in pipeline.batch_sizes] for v in stage.variants]
        own = np.array(one_rps)[variant, np.searchsorted(pipeline.batch_sizes, batch)]
        capacity = np.minimum(capacity, replicas * own)
        cost += replicas * np.array([v.cores for v in stage.variants])[variant]
    return chosen[np.lexsort((cost, capacity))]  # stable, and `chosen` is in lexicographic order


def _actions(pipeline: Pipeline, chosen: IntArray) -> IntArray:
    actions = chosen.copy()
    actions[:, :, 1] = np.searchsorted(pipeline.batch_sizes, chosen[:, :, 1])
    actions[:, :, 2] -= 1
    return actions.reshape(len(actions), -1)
