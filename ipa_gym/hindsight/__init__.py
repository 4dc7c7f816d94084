"""Upper bounds: what can be reached by whoever knows a window's future (`oracle`, `best-static`), and what cannot.

Policies here are told the episode before it begins (`ipa_gym.policies.base.Hindsight`). See docs/hindsight.md.
"""
