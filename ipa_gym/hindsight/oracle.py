"""Oracle: knows what will arrive and searches for the best plan before the episode begins: an upper bound to aim at.

The search is `search_plan`; the pieces are `starting_plans.py`, `corridor.py` and `beam.py`. How far below the true
optimum it may be: `bound.py` and docs/hindsight.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ipa_gym.hindsight.beam import Beam, beam_pass
from ipa_gym.hindsight.corridor import corridor
from ipa_gym.hindsight.rehearsal import Rehearsal
from ipa_gym.hindsight.script import Foreseen, Script
from ipa_gym.hindsight.starting_plans import starting_plans
from ipa_gym.hindsight.useful import Neighbours
from ipa_gym.pipeline import Pipeline
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.parameters import Parameter, whole
from ipa_gym.settings import EnvSettings

_FIRST_OTHERS, _OTHERS = 16, 8  # starting plans whose decisions the first pass, and the later ones, look at
_WAIT_PRICES = (1.0, 0.3, 2.0)  # of the passes in turn, in costs of serving a request; see `serving_price`

RUNGS = whole(24, low=2, high=1000, meaning="loads on the ladder of held configurations")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is searched."""

    rungs: int = 24  # see `starting_plans.held_plans`
    beam: int = 24  # states that are kept after each interval
    per_configuration: int = 2  # of these in the same phase of the same decision
    passes: int = 6  # through the whole episode
    reach: int = 3  # see `corridor.corridor`


class OraclePolicy:
    """The best plan that a search finds for an episode whose every arrival it knows.

    Rule: simulate the very same episode beforehand. Start from the best of: IPA's and FA2's decisions for the load as
    it will be (perfect and reactive peaks, and means over several spans times several factors), with variants free or
    fixed, and the best configuration that is never changed. Then improve it by passes of a beam search over the whole
    episode: after each interval the best ``beam`` states are kept, of each decision at most ``per_configuration``,
    compared by what they have earned less the price of serving what waits. A pass looks at the plan's decision, its
    neighbours (one step in one stage), the plan's decisions up to ``reach`` intervals before and after, and the best
    starting plans' decisions; it never returns a worse plan. Passes end early where none of the prices finds more.
    Agent: ``oracle``.
    Source: ours; beam search as in Lowerre (1976), a corridor around a plan as in Sniedovich and Voß (2006).
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "beam": whole(24, low=1, high=100_000, meaning="states that the search keeps after each interval"),
        "per_configuration": whole(2, low=1, high=100_000, meaning="of these, states in one phase of one decision"),
        "passes": whole(6, low=0, high=1000, meaning="passes of the search through the episode"),
        "reach": whole(3, low=0, high=1000, meaning="intervals by which a pass may shift a decision of the plan"),
        "rungs": RUNGS,
    }

    def __init__(
        self, setting: Setting, *, beam: int = 24, per_configuration: int = 2, passes: int = 6, reach: int = 3,
        rungs: int = 24,
    ) -> None:  # fmt: skip
        self._setting = setting
        self._effort = Effort(rungs, beam, per_configuration, passes, reach)
        self._script = Script("oracle")
        self.diagnostics: Mapping[str, object] = {}

    def reset(self) -> None:
        """Forget which episode is played."""
        self._script.forget()
        self.diagnostics = {}

    def foresee(self, settings: EnvSettings, *, start: int, seed: int) -> None:
        """Search the plan of an episode, see `ipa_gym.policies.base.Hindsight`."""
        self._script.foresee(settings, start, seed, lambda: search_plan(settings, start, seed, self._effort))

    def act(self, observation: ObservationArray) -> ActionArray:
        """The plan's next action; the observation plays no part. Shapes as in `Policy.act`.

        Raises: OptionError if no episode has been foreseen since `reset`.
        """
        action = self._script.read()
        self.diagnostics = foreseen_diagnostics(self._script)
        return action


def foreseen_diagnostics(script: Script) -> dict[str, object]:
    """What a policy with a script has to say: what the plan will earn an interval, and what it took to find it."""
    found = script.found
    return {} if found is None else {"reward_mean": found.reward_mean, "simulated_steps": found.n_steps}


def search_plan(settings: EnvSettings, start: int, seed: int, effort: Effort) -> Foreseen:
    """Search the best plan of the episode that ``reset(seed=seed, options={"start": start})`` begins.

    Deterministic: equal arguments give equal plans on every machine.
    Args:
        settings: of the environment; its forecast plays no part.
        start: ignored where the settings' windows are fixed.
        effort: how much is searched.
    Raises: OptionError for a start outside the settings' split.
    """
    first = Rehearsal(settings, start=start, seed=seed)
    starting = starting_plans(first, n_rungs=effort.rungs)
    rehearsal = Rehearsal(settings, start=start, seed=seed)  # the first has grown by what overload left inside
    near, price = Neighbours(settings.pipeline), serving_price(settings.pipeline, settings.interval_s)
    plan, total = starting.actions[0], float(starting.totals[0])
    in_vain = 0
    for index in range(effort.passes):
        others = starting.actions[: _FIRST_OTHERS if index == 0 else _OTHERS]
        beam = Beam(effort.beam, effort.per_configuration, price * _WAIT_PRICES[index % len(_WAIT_PRICES)])
        looked_at = corridor(plan, list(others), near, reach=effort.reach)
        plan, found = beam_pass(rehearsal, looked_at, plan, beam)
        in_vain = 0 if found > total else in_vain + 1
        total = found
        if in_vain == len(_WAIT_PRICES):
            break
    return Foreseen(plan, total / len(plan), first.n_steps + rehearsal.n_steps)


def serving_price(pipeline: Pipeline, interval_s: float) -> float:
    """What it costs in the reward to serve one request: its core-seconds at the cheapest variants and batches.

    A request that waits is served later at about this price, which makes states with longer queues comparable.
    """
    core_s = sum(
        min(v.cores * v.batch_latency_s(batch) / batch for v in stage.variants for batch in pipeline.batch_sizes)
        for stage in pipeline.stages
    )
    return pipeline.objective.beta * core_s / interval_s
