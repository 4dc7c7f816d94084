"""Imitation of IPA before learning from rewards: plays the teacher, then fits actor and critic to what it did.

The actor learns the teacher's decisions, with some probability left to neighbouring ones so that they are tried later;
the critic learns what the teacher's way of playing earns, so that the first updates do not undo what was imitated.
Works on models with one categorical distribution a number of the action. Next: `learning.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ipa_gym.policies.base import Setting
from ipa_gym.policies.exact_planning import ExactPlanning
from ipa_gym.training.learners import Learner
from ipa_gym.training.vec_env import PipelineVecEnv

_BATCH = 256  # chosen: with 2,048 the actor had agreed with a quarter of the decisions after as many passes
_LEARNING_RATE = 3e-3  # chosen: with 0.001 it takes three times as many passes
_LONGEST_DEVIATION = 6  # intervals that another load is planned for: as long as a start of replicas takes and more


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """What the teacher saw, decided and earned."""

    observations: NDArray[np.float32]  # (n, layout.size)
    actions: NDArray[np.int64]  # (n, 3 · n_stages), what the teacher decided, played or not
    returns: NDArray[np.float32]  # (n,), discounted sum of the scaled rewards from there on


def clone_teacher(learner: Learner, *, seed: int) -> dict[str, float]:
    """Let a model imitate IPA, in place.

    Returns: ``agreement``, the share of the teacher's decisions whose every number the model finds likeliest, and
        ``critic_error``, the root mean square error of the critic.
    """
    values = learner.card.hyperparameters
    generator = np.random.default_rng(seed)
    shown = demonstrate(
        learner.pipelines,
        n_intervals=values["cloning_intervals"],
        deviation=values["cloning_deviation"],
        gamma=values["gamma"],
        generator=generator,
    )
    policy: Any = learner.model.policy  # Any: an actor-critic policy
    allowed = torch.as_tensor(learner.pipelines.action_masks()[0])
    segments = [int(size) for size in learner.pipelines.actions.nvec]
    optimiser = torch.optim.Adam(policy.parameters(), lr=_LEARNING_RATE)
    for batch in _batches(shown, epochs=values["cloning_epochs"], generator=generator):
        logits, critic = _outputs(policy, batch.observations)
        target = soft_targets(batch.actions, segments, allowed.numpy(), spread=values["cloning_spread"])
        actor_loss = -(torch.as_tensor(target) * _log_probabilities(logits, segments, allowed)).sum(dim=1).mean()
        critic_loss = torch.nn.functional.mse_loss(critic, torch.as_tensor(batch.returns))
        optimiser.zero_grad()
        (actor_loss + critic_loss).backward()  # type: ignore[no-untyped-call]  # torch declares none
        optimiser.step()
    return _measured(policy, shown, segments, allowed)


def demonstrate(
    pipelines: PipelineVecEnv, *, n_intervals: int, deviation: float, gamma: float, generator: np.random.Generator
) -> Demonstrations:
    """Play the teacher.

    Args:
        n_intervals: of each environment.
        deviation: how often an environment begins to be played for another load, so that the teacher's answer is seen
            in states that it would not come to by itself.
        gamma: discount factor.
    """
    setting = Setting(pipelines.pipeline, pipelines.layout, pipelines.actions, pipelines.interval_s)
    teacher = ExactPlanning(setting, load_factor=1.0)
    n_envs = pipelines.num_envs
    observations = np.zeros((n_intervals, n_envs, setting.layout.size), dtype=np.float32)
    actions = np.zeros((n_intervals, n_envs, len(setting.actions.nvec)), dtype=np.int64)
    rewards, ended = np.zeros((n_intervals, n_envs)), np.zeros((n_intervals, n_envs), dtype=bool)
    factors, left = np.ones(n_envs), np.zeros(n_envs, dtype=np.int64)
    seen: NDArray[np.float32] = pipelines.reset()
    for step in range(n_intervals):
        observations[step], actions[step] = seen, teacher.plan_many(seen)
        begins = (left == 0) & (generator.random(n_envs) < deviation)
        factors = np.where(begins, np.exp(generator.uniform(-0.7, 0.7, n_envs)), np.where(left > 0, factors, 1.0))
        left = np.where(begins, generator.integers(1, _LONGEST_DEVIATION + 1, n_envs), np.maximum(left - 1, 0))
        played, _ = teacher.plan_rates(teacher.forecast_rps(seen) * factors)
        pipelines.step_async(played)
        seen, rewards[step], ended[step], _ = pipelines.step_wait()
    returns = discounted(rewards, ended, gamma)
    kept = slice(0, max(1, n_intervals - _horizon(gamma)))  # later ones miss too much of what follows
    flat = observations[kept].reshape(-1, observations.shape[2]), actions[kept].reshape(-1, actions.shape[2])
    return Demonstrations(*flat, returns[kept].reshape(-1).astype(np.float32))


def discounted(rewards: NDArray[np.float64], ended: NDArray[np.bool_], gamma: float) -> NDArray[np.float64]:
    """Discounted sums of rewards (n_intervals, n_envs) from each interval on.

    Episodes end by truncation, so that the load would go on: the mean of the episode's last sums stands for it.
    """
    sums, following = np.zeros_like(rewards), np.zeros(rewards.shape[1])
    for step in range(len(rewards) - 1, -1, -1):
        typical = rewards[max(0, step - 5) : step + 1].mean(axis=0) / max(1.0 - gamma, 1e-3)
        following = np.where(ended[step], typical, following)
        following = rewards[step] + gamma * following
        sums[step] = following
    return sums


def soft_targets(
    actions: NDArray[np.int64], segments: list[int], allowed: NDArray[np.bool_], *, spread: float
) -> NDArray[np.float32]:
    """Probabilities to imitate, float32 (n, sum of segments).

    The teacher's value gets 1 - spread; in the numbers of replicas the rest goes to its two neighbours, in the others
    to all allowed values alike.
    """
    found = np.zeros((len(actions), sum(segments)), dtype=np.float32)
    rows, begin = np.arange(len(actions)), 0
    for number, size in enumerate(segments):
        part = found[:, begin : begin + size]
        mask = allowed[begin : begin + size]
        if number % 3 == 2:
            for step in (-1, 1):
                np.add.at(part, (rows, np.clip(actions[:, number] + step, 0, size - 1)), spread / 2)
        else:
            part += spread / mask.sum()
        part *= mask
        part[rows, actions[:, number]] += 1.0 - spread
        part /= part.sum(axis=1, keepdims=True)
        begin += size
    return found


def _horizon(gamma: float) -> int:
    """Intervals after which a reward counts for a tenth."""
    return int(np.ceil(np.log(0.1) / np.log(gamma))) if 0.0 < gamma < 1.0 else 1


def _batches(shown: Demonstrations, *, epochs: int, generator: np.random.Generator) -> Iterator[Demonstrations]:
    for _ in range(epochs):
        order = generator.permutation(len(shown.actions))
        for first in range(0, len(order), _BATCH):
            rows = order[first : first + _BATCH]
            yield Demonstrations(shown.observations[rows], shown.actions[rows], shown.returns[rows])


def _outputs(policy: Any, observations: NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor]:  # Any: as above
    features = policy.extract_features(torch.as_tensor(observations))
    actor, critic = policy.mlp_extractor(features)
    return policy.action_net(actor), policy.value_net(critic).flatten()


def _log_probabilities(logits: torch.Tensor, segments: list[int], allowed: torch.Tensor) -> torch.Tensor:
    barred = torch.where(allowed, logits, torch.full_like(logits, -1e8))
    return torch.cat([part.log_softmax(dim=1) for part in torch.split(barred, segments, dim=1)], dim=1)


def _measured(policy: Any, shown: Demonstrations, segments: list[int], allowed: torch.Tensor) -> dict[str, float]:
    with torch.no_grad():
        logits, critic = _outputs(policy, shown.observations)
        parts = torch.split(_log_probabilities(logits, segments, allowed), segments, dim=1)
        likeliest = torch.stack([part.argmax(dim=1) for part in parts], dim=1).numpy()
    error = float(np.sqrt(np.mean((critic.numpy() - shown.returns) ** 2)))
    return {"agreement": float((likeliest == shown.actions).all(axis=1).mean()), "critic_error": error}
