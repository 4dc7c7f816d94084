"""A policy of one's own: written, checked against the contract, given a card, and benchmarked beside IPA.

`Frugal` runs the variants that serve a request at the least cost, in small batches, with as many replicas as the
forecast needs, times a margin. A policy is any class with `reset`, `act` and `diagnostics`; it is built from a
`Setting` and then sees the observations alone. Copy the class, change `act`, and run:

    python examples/own_policy.py
    python examples/own_policy.py --env audio-qa --trace fluctuating --seeds 5 --margin 1.3
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import gymnasium as gym

from ipa_gym.benchmark import BenchmarkSettings, run_benchmark
from ipa_gym.pipeline import Configuration, Stage, StageConfiguration
from ipa_gym.policies import POLICIES, Setting, check_policy, make_policy
from ipa_gym.policies.base import ActionArray, ObservationArray
from ipa_gym.policies.parameters import Parameter, number

CARD = """\
name: frugal
title: The cheapest variants, with replicas for the forecast and a margin
policy: frugal
parameters:
  margin: {margin}
sources:
  margin: "an example's guess"
"""


class Frugal:
    """The variants of least cores per request/s; replicas for the forecast times ``margin``."""

    PARAMETERS: Mapping[str, Parameter] = {  # what a card may set; checked before the class is built
        "margin": number(1.1, above=0, up_to=10, meaning="the forecast is multiplied by it (a ratio)"),
    }

    def __init__(self, setting: Setting, *, margin: float = 1.1) -> None:
        self._setting, self._margin = setting, margin
        self._batch = min(2, setting.pipeline.batch_cap)
        self._variants = [self._cheapest(stage) for stage in setting.pipeline.stages]
        self.diagnostics: Mapping[str, object] = {}

    def reset(self) -> None:
        """Called at the start of each episode: forget the last one. There is nothing to forget here."""
        self.diagnostics = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """One decision from one observation."""
        seen = self._setting.layout.read(observation)  # in natural units: requests/s, seconds, replicas
        load_rps = self._margin * seen.forecast_rps
        choices = []
        for stage, variant in zip(self._setting.pipeline.stages, self._variants, strict=True):
            needed = math.ceil(load_rps / stage.variants[variant].throughput_rps(self._batch))
            replicas = min(max(1, needed), self._setting.pipeline.replica_cap)
            choices.append(StageConfiguration(variant, self._batch, replicas))
        self.diagnostics = {"load_rps": load_rps}
        return self._setting.actions.encode(Configuration(tuple(choices)))

    def _cheapest(self, stage: Stage) -> int:
        cores_per_rps = [variant.cores / variant.throughput_rps(self._batch) for variant in stage.variants]
        return cores_per_rps.index(min(cores_per_rps))


POLICIES["frugal"] = f"{__name__}:Frugal"  # name in agent cards -> where it lives


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="video", help="pipeline card")
    parser.add_argument("--trace", default="bursty", help="load")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--margin", type=float, default=1.1, help="the policy's parameter")
    chosen = parser.parse_args(arguments)

    with tempfile.TemporaryDirectory() as folder:
        card = Path(folder) / "frugal.yaml"
        card.write_text(CARD.format(margin=chosen.margin), encoding="utf-8")

        env = gym.make("ipa_gym/Pipeline-v0", pipeline=chosen.env, trace=chosen.trace)
        check_policy(make_policy(card, env), env)
        print("keeps the contract of a policy")

        settings = BenchmarkSettings(
            pipelines=(chosen.env,),
            traces=(chosen.trace,),
            agents=("ipa-exact", str(card)),
            seeds=tuple(range(chosen.seeds)),
        )
        episodes = run_benchmark(settings, jobs=1).episodes  # one process: another one would not know the new name
    columns = {"reward_mean": "reward", "pas": "PAS", "cost_cores": "cores", "violations_percent": "SLA v. %"}
    print(f"{'mean of':>10} " + " ".join(f"{title:>9}" for title in columns.values()))
    for (name,), rows in episodes.group_by("agent", maintain_order=True):
        print(f"{name:>10} " + " ".join(f"{rows[column].mean():9.2f}" for column in columns))


if __name__ == "__main__":
    main()
