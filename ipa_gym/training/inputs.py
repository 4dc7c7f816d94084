"""`TrainingInputs`: what a training run reads before it begins, as values that can be sent to another machine.

Next: `learning.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipa_gym.cards import load_pipeline
from ipa_gym.pipeline import Pipeline
from ipa_gym.training.card import TrainingCard, load_training_card
from ipa_gym.training.settings import TrainingSettings
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace
from ipa_gym.workload.validation import with_validation


@dataclass(frozen=True, slots=True, eq=False)
class TrainingInputs:
    """The pipeline, the agent's card and the load of a run."""

    pipeline: Pipeline
    card: TrainingCard  # with the values that hold on the pipeline
    trace: Trace  # with validation days
    forecast: str  # a name, or the path of a file of weights

    @property
    def steps(self) -> int:
        """Decisions over all environments, if the settings say nothing else."""
        return int(self.card.hyperparameters["steps"])


def load_inputs(settings: TrainingSettings) -> TrainingInputs:
    """Read what the settings name. Raises: IpaGymError."""
    pipeline = load_pipeline(settings.env)
    card = load_training_card(settings.agent).of_pipeline(pipeline.name)
    trace = with_validation(load_trace(settings.trace))
    return TrainingInputs(pipeline, card, trace, settings.forecast or card.forecast or pipeline.forecast)
