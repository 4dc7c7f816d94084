"""ipa-gym: a Gymnasium benchmark for multi-model inference pipelines on an exact queueing model.

``import ipa_gym`` registers the environments and nothing more; heavy modules load where they are used.
Start with ``gymnasium.make("ipa_gym/Video-v0")`` and `ipa_gym.make_policy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from ipa_gym.policies import make_policy as make_policy

__version__ = "0.1.0"
__all__ = ["ENVIRONMENTS", "__version__", "make_policy"]

ENVIRONMENTS: dict[str, str] = {  # Gymnasium id -> pipeline card
    "ipa_gym/Video-v0": "video",
    "ipa_gym/AudioQA-v0": "audio-qa",
    "ipa_gym/AudioSent-v0": "audio-sent",
    "ipa_gym/SumQA-v0": "sum-qa",
    "ipa_gym/NLP-v0": "nlp",
}


def _register() -> None:
    cards = {**{env_id: {"pipeline": card} for env_id, card in ENVIRONMENTS.items()}, "ipa_gym/Pipeline-v0": {}}
    for env_id, kwargs in cards.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(
                env_id,
                entry_point="ipa_gym.env:PipelineEnv",
                vector_entry_point="ipa_gym.vector_env:PipelineVectorEnv",
                kwargs=kwargs,
            )


def __getattr__(name: str) -> Any:  # the module's lazy attribute: its type is the attribute's own
    if name == "make_policy":
        from ipa_gym.policies import make_policy

        return make_policy
    raise AttributeError(f"module 'ipa_gym' has no attribute {name!r}")


_register()
