"""One interval of N environments in one compiled call: load, queueing, reward, observation. See `fleet.py`."""

from __future__ import annotations

from ipa_gym.stepping.fleet import Fleet

__all__ = ["Fleet"]
