"""Pipeline cards: reading, validating and converting them.

`load_pipeline(name_or_path)` gives the pipeline; `load_card(name_or_path)` also paper settings, sources.
"""

from ipa_gym.cards.card import PaperProfile, PaperSettings, PipelineCard
from ipa_gym.cards.loader import load_card, load_pipeline

__all__ = ["PaperProfile", "PaperSettings", "PipelineCard", "load_card", "load_pipeline"]
