"""Wrappers of the environment for learners that need another space of actions. One module a wrapper."""

from ipa_gym.wrappers.useful import UsefulConfigurations, useful_configurations

__all__ = ["UsefulConfigurations", "useful_configurations"]
