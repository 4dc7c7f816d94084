"""Profiles: measured points, the one latency model, base allocation, and regenerating the cards' numbers."""

from ipa_gym.profiling.base_allocation import CoreOption, base_allocation, stage_sla_s
from ipa_gym.profiling.regeneration import is_current, regenerate

__all__ = ["CoreOption", "base_allocation", "is_current", "regenerate", "stage_sla_s"]
