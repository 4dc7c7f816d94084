"""Builds a policy from an agent card: the table of policies, and the check of a card's parameters.

To add one: a module with the class, a line in `POLICIES`, a card in ``agents/``. Nothing here decides anything.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ipa_gym.errors import CardError, OptionError, UnknownNameError, unknown_name
from ipa_gym.policies.base import Hindsight, Policy, Setting
from ipa_gym.policies.card import AgentCard, load_agent_card
from ipa_gym.policies.parameters import checked

POLICIES: dict[str, str] = {  # name in agent cards -> where it lives; one's own may be added: docs/policies.md
    "ipa": "ipa_gym.policies.ipa:IPAPolicy",
    "fa2": "ipa_gym.policies.fa2:FA2Policy",
    "rim": "ipa_gym.policies.rim:RIMPolicy",
    "hpa": "ipa_gym.policies.hpa:HPAPolicy",
    "mpc": "ipa_gym.policies.mpc.policy:MPCPolicy",
    "kpa": "ipa_gym.policies.kpa:KPAPolicy",
    "ray-serve": "ipa_gym.policies.ray_serve:RayServePolicy",
    "keda": "ipa_gym.policies.keda:KEDAPolicy",
    "inferline": "ipa_gym.policies.inferline:InferLinePolicy",
    "infaas": "ipa_gym.policies.infaas:INFaaSPolicy",
    "loki": "ipa_gym.policies.loki:LokiPolicy",
    "static": "ipa_gym.policies.static:StaticPolicy",
    "random": "ipa_gym.policies.uniform:RandomPolicy",
    "learned": "ipa_gym.policies.learned:LearnedPolicy",
    "oracle": "ipa_gym.hindsight.oracle:OraclePolicy",
    "best-static": "ipa_gym.hindsight.best_static:BestStaticPolicy",
}


def policy_class(name: str) -> Any:  # Any: the classes share `Policy` but not their parameters
    """The class of a policy. Raises: UnknownNameError with the nearest name."""
    if name not in POLICIES:
        raise unknown_name("policy", name, POLICIES)
    module, _, attribute = POLICIES[name].partition(":")
    return getattr(import_module(module), attribute)


def needs_hindsight(card: AgentCard) -> bool:
    """Whether an agent must be told the future: it bounds the others and is no rival of theirs. See `Hindsight`.

    Raises: CardError for a policy that does not exist.
    """
    try:
        return hasattr(policy_class(card.policy), Hindsight.foresee.__name__)
    except UnknownNameError as error:
        raise CardError(f"{card.path}: {error}") from error


def make_policy(name_or_card: str | Path | AgentCard, env: Any) -> Policy:  # Any: a PipelineEnv, wrapped or not
    """Build a policy for an environment.

    Args:
        name_or_card: an agent's name, a path to a card, or a card that was read before.
        env: a `PipelineEnv`, wrapped or not; looked at now and never again.
    Raises: UnknownNameError for an agent that does not exist, CardError for a card that cannot be used on this
        pipeline, OptionError if the card asks for another forecast than the environment has.
    """
    card = name_or_card if isinstance(name_or_card, AgentCard) else load_agent_card(name_or_card)
    setting = Setting.of(env)
    _check_forecast(card, env)
    return build_policy(card, setting)


def build_policy(card: AgentCard, setting: Setting) -> Policy:
    """Build the policy of a card for a setting, which may hold another pipeline than the simulated one.

    Raises: CardError naming the file, the parameter, its value and what is allowed.
    """
    try:
        chosen = policy_class(card.policy)
        values = checked(chosen.PARAMETERS, card.parameters, where="parameters")
        policy: Policy = chosen(setting, **values)
    except (OptionError, UnknownNameError) as error:
        raise CardError(f"{card.path}: {error}") from error
    return policy


def _check_forecast(card: AgentCard, env: Any) -> None:  # Any: as above
    found = getattr(getattr(env, "unwrapped", env), "forecast_name", card.forecast)
    if card.forecast is not None and found != card.forecast:
        raise OptionError(
            f"agent {card.name} asks for the forecast {card.forecast!r}, the environment has {found!r}; "
            f"make the environment with forecast={card.forecast!r}"
        )
