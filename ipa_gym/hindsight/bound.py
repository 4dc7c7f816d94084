"""`reward_bound`: a mean reward that no policy can exceed in an episode, whatever it knows.

Every plan of the episode, with what the simulator makes of it, is a point of a linear program with the same or a higher
objective; the program's optimum therefore bounds all of them, the oracle too. What is relaxed is listed below.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from ipa_gym.errors import OptionError
from ipa_gym.hindsight.bound_stage import add_stage
from ipa_gym.hindsight.demand import Demand, demand_of
from ipa_gym.hindsight.linear_program import LinearProgram
from ipa_gym.hindsight.rehearsal import Rehearsal
from ipa_gym.settings import EnvSettings

CELLS = 2  # of time in an interval, by default
_MOST_COMBINATIONS = 1000  # of variants: each has a share of every interval


def reward_bound(settings: EnvSettings, *, start: int, seed: int, cells: int = CELLS) -> float:
    """Bound the mean reward of an interval that any policy can get in an episode.

    The variables of interval k, stage s, variant v and what holds of them in every plan:

    - P: whether v serves at the interval's beginning; w: whether a switch to v takes effect in it. One variant serves
      at a time, and the serving variant changes at most once an interval. The initial configuration serves at time 0.
    - z: the share of the interval's time in which a combination of variants serves. v's share is at most P + w,
      less what a startup takes of a prompt switch. A decision for one variant cancels what starts of the others: after
      a switch to u, the next one to v comes no earlier than v's ``startup`` after the next decision.
    - r: replicas of v that exist after the decision, other than starting ones that will never serve (these cost, and do
      nothing); u: those among them that the decision starts. e: their replica-seconds in the interval. Who exists both
      before and after the next decision existed in all of the interval: interval · (r' − u') <= e <= interval · r.
    - While v serves, one replica serves at least. Whatever serves has been started before and for ``startup`` seconds,
      in which it costs and serves nothing; each switch to v takes a start of v. What serves at time 0 is free to stay.
    - q: requests' worth of work that v does in a cell of time. A request takes a replica at least min l(k) / k seconds
      over the batch sizes k, random factors as they will be drawn. Replicas that start do not work.
    - Work on a request is done after it has arrived (and could have passed the stages before), and before its SLA (less
      the stages after): by each cell's end at least what is due must be done, and at most what has been released.
    - What v has worked on had arrived while v served, or within the SLA before v began to. In an interval work those
      that serve at its beginning, on what arrives in it or has within the SLA before; those that join in it, for what
      is left of it; and, a batch each at most, those that leave. Who serves at an interval's beginning, and did not
      one, two or three intervals earlier, has joined since.
    - y: requests that violate the SLA, which then need no work: the price is ρ / (expected requests) each. Requests
      that the window's end meets younger than the SLA are free to be left.

    Relaxed, so that the bound may be too high: replicas, switches and requests may be fractions; work is a fluid that
    is done in the best batches at once; plans may be mixed, half of one and half of another, which matters where a
    variant is accurate and another one fast; leaving replicas end at once; batch sizes cost as 1; above a batch cap
    of 1 every random factor is the luckiest one.
    Args:
        settings, start, seed: the episode, as for `oracle.search_plan`.
        cells: of time in an interval, at least 1: more give a lower bound, and take longer.
    Returns: reward of an interval, mean over the episode, at most about 1e-6 above the linear program's optimum.
    Raises: OptionError for a pipeline with more than 1,000 combinations of variants; BoundError if it is not solved.
    """
    rehearsal = Rehearsal(settings, start=start, seed=seed, width=1)
    combinations = list(product(*(range(len(stage.variants)) for stage in settings.pipeline.stages)))
    if len(combinations) > _MOST_COMBINATIONS or cells < 1:
        raise OptionError(
            f"pipeline {settings.pipeline.name} has {len(combinations)} combinations of variants and the bound is "
            f"asked for with {cells} cells; expected at most {_MOST_COMBINATIONS} combinations and at least 1 cell"
        )
    demand = demand_of(rehearsal, n_cells=cells * rehearsal.n_intervals)
    return _bound(rehearsal, demand, combinations)


def _bound(rehearsal: Rehearsal, demand: Demand, combinations: list[tuple[int, ...]]) -> float:
    pipeline, n_intervals = rehearsal.settings.pipeline, rehearsal.n_intervals
    objective = pipeline.objective
    program = LinearProgram()
    accuracy = np.array([pipeline.accuracy_value(variants) for variants in combinations])
    shares = program.variables(len(combinations), n_intervals, gain=objective.alpha * accuracy[:, None])
    price = objective.rho / max(rehearsal.expected_requests, 1.0)
    violations = program.variables(len(demand.counts), gain=-price, most=demand.counts.astype(np.float64))
    program.equal([(shares[row], 1.0) for row in range(len(combinations))], 1.0)
    for index in range(len(pipeline.stages)):
        share = add_stage(program, rehearsal, demand, violations, index=index)
        for variant, own in enumerate(share):
            members = [row for row, chosen in enumerate(combinations) if chosen[index] == variant]
            program.equal([(own, -1.0), *((shares[row], 1.0) for row in members)])
    return program.maximum() / n_intervals - objective.delta * len(pipeline.stages)
