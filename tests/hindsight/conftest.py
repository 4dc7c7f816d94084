"""Small settings, whose episodes take milliseconds to search, and plans played by the environment."""

from __future__ import annotations

from typing import Any

import numpy as np

from ipa_gym.env import PipelineEnv
from ipa_gym.hindsight.rehearsal import Plan
from ipa_gym.pipeline import Objective, Pipeline, Stage, Variant
from ipa_gym.settings import EnvSettings, env_settings
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline


def wave(mean_rps: float) -> Trace:
    """A load that goes up and down."""
    seconds = np.arange(400)
    return Trace("wave", np.rint(mean_rps * (1 + 0.9 * np.sin(seconds / 15.0))).astype(np.int64))


def wave_arguments(mean_rps: float = 12.0, **changes: Any) -> dict[str, Any]:
    """Arguments of an environment of the toy pipeline under a wave; ``changes`` replace some."""
    known = {"pipeline": toy_pipeline(), "trace": wave(mean_rps), "episode_s": 120, "split": "all"}
    return known | changes


def wave_settings(mean_rps: float = 12.0, **changes: Any) -> EnvSettings:
    """The same as settings."""
    return env_settings(**wave_arguments(mean_rps, **changes))


def one_variant_pipeline(**changes: Any) -> Pipeline:
    """One stage, one variant of 0.1 s a request and 2 cores: the only choices are batch and replicas."""
    only = Variant("only", 50.0, 2.0, 4.0, (1, 2, 4), (0.1, 0.2, 0.4))
    objective = Objective(alpha=10.0, beta=0.5, delta=0.0, rho=20.0, accuracy_measure="product")
    values: dict[str, Any] = {"stages": (Stage("serve", (only,)),), "objective": objective, "batch_cap": 1}
    return toy_pipeline(**{**values, **changes})


def played_rewards(arguments: dict[str, Any], plan: Plan, *, start: int | None, seed: int) -> list[float]:
    """The rewards of a plan in a `PipelineEnv`."""
    env = PipelineEnv(**arguments)
    env.reset(seed=seed, options=None if start is None else {"start": start})
    return [float(env.step(action)[1]) for action in plan]


def random_plan(settings: EnvSettings, rng: np.random.Generator, *, most_replicas: int = 6) -> Plan:
    """Any legal plan."""
    from ipa_gym.action import ActionLayout

    nvec = ActionLayout(settings.pipeline).nvec.copy()
    nvec[2::3] = np.minimum(nvec[2::3], most_replicas)
    plan: Plan = rng.integers(nvec, size=(settings.n_intervals, len(nvec)))
    return plan
