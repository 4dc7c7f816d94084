"""Policies: IPA and its rivals, each deciding from the observation alone. One file a family; see docs/policies.md."""

from ipa_gym.policies.base import Hindsight, Policy, Setting, foresee
from ipa_gym.policies.card import AgentCard, load_agent_card
from ipa_gym.policies.check import PolicyContractError, check_policy
from ipa_gym.policies.factory import POLICIES, build_policy, make_policy, needs_hindsight, policy_class

__all__ = [
    "POLICIES",
    "AgentCard",
    "Hindsight",
    "Policy",
    "PolicyContractError",
    "Setting",
    "build_policy",
    "check_policy",
    "foresee",
    "load_agent_card",
    "make_policy",
    "needs_hindsight",
    "policy_class",
]
