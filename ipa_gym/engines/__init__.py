"""Runs many independent pieces of work: on this machine's cores (`local.py`), or on a Ray cluster (`ray_cluster.py`).

Generic: nothing here knows what the work is. The contract is in `base.py`.
"""

from ipa_gym.engines.base import ENGINES, MAX_RETRIES, Engine, EngineError, Work, open_engine
from ipa_gym.engines.local import all_cores

__all__ = ["ENGINES", "MAX_RETRIES", "Engine", "EngineError", "Work", "all_cores", "open_engine"]
