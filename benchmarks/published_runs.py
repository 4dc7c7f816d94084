"""What the comparisons with the paper share: its pipelines and loads, a published run's setting.

Reads cards, plays episodes and writes between markers; what is compared lives in `fidelity.py` and `ablation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ipa_gym.cards import load_card
from ipa_gym.env import PipelineEnv
from ipa_gym.pipeline import Pipeline
from ipa_gym.policies import AgentCard, Policy, make_policy

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "fidelity.md"
DATA = ROOT.parent / "shared" / "data"  # where the real counts and the published series lie, if they do
SCALE = 0.125  # of the real counts: the paper's integer division by 8
PIPELINES = ("video", "audio-qa", "audio-sent", "sum-qa", "nlp")
LOADS: Mapping[str, tuple[tuple[int, int], ...]] = {  # seconds of the Twitter counts, [from, to)
    "bursty": ((1301160, 1302360),),
    "steady-low": ((1299600, 1300800),),
    "steady-high": ((1768800, 1769400), (1768800, 1769400)),
    "fluctuating": ((1301400, 1302000), (1308600, 1309200)),
}
POLICIES: Mapping[str, tuple[str, Mapping[str, object]]] = {  # published name -> agent's policy and parameters
    "IPA": ("ipa", {"solver": "exact"}),
    "FA2-low": ("fa2", {"variants": "least-accurate"}),
    "FA2-high": ("fa2", {"variants": "accurate"}),
    "RIM": ("rim", {}),
}


@dataclass(frozen=True, slots=True)
class RunSetting:
    """One run's pipeline, with the run's own margins and weights, and the parameters of its policy."""

    pipeline: Pipeline
    policy: str  # a key of `POLICIES`
    parameters: Mapping[str, object]

    def make_policy(self, env: PipelineEnv) -> Policy:
        """The policy, for an environment of this pipeline."""
        key = POLICIES[self.policy][0]
        return make_policy(
            AgentCard(self.policy.lower(), self.policy, key, None, dict(self.parameters), Path("paper")), env
        )


def published_setting(pipeline: str, load: str, policy: str) -> RunSetting:
    """The setting of one published run: the card with what its `paper` section says of that run."""
    card = load_card(pipeline)
    settings = card.paper_settings(policy.lower(), load)
    parameters: dict[str, object] = {**POLICIES[policy][1], "load_factor": settings.load_factor}
    if policy == "RIM" and settings.replicas is not None:
        parameters["replicas"] = list(settings.replicas)
    return RunSetting(settings.planned_pipeline(card.pipeline), policy, parameters)


def card_setting(pipeline: str, policy: str) -> RunSetting:
    """The setting of the card alone: its own weights and batch cap, no margin on the forecast."""
    return RunSetting(load_card(pipeline).pipeline, policy, dict(POLICIES[policy][1]))


def play(env: PipelineEnv, policy: Policy, *, seed: int) -> None:
    """Play one episode; ``env.rows`` has its intervals afterwards."""
    observation, _ = env.reset(seed=seed)
    policy.reset()
    truncated = False
    while not truncated:
        observation, _, _, truncated, _ = env.step(policy.act(observation))
