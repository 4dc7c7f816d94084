"""Model predictive control: the kernel rolled forward from what the observation tells. Start at `policy.py`."""

from ipa_gym.policies.mpc.policy import MPCPolicy

__all__ = ["MPCPolicy"]
