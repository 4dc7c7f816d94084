"""PPO in one file, in the style of CleanRL: torch and the vector environment, nothing between them.

Shows what a learner of one's own needs to know here: the vector environment with autoreset `SameStep`, one softmax for
each number of the action, masks for what can never pay, rewards scaled by 1 / rho, and the value of the last
observation where an episode is cut off (every episode is). Needs `pip install 'ipa-gym[train]'`. Run:

    python examples/cleanrl_ppo.py --steps 300000 --seed 1
    python examples/cleanrl_ppo.py --env ipa_gym/NLP-v0 --logdir runs/cleanrl && tensorboard --logdir runs
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical

import ipa_gym
from ipa_gym.training import reward_scale

GAMMA, LAMBDA = 0.9, 0.95  # what is decided now matters for a minute or two: intervals are 10 s
N_ENVS, N_STEPS, N_EPOCHS, N_MINIBATCHES = 64, 32, 4, 4
LEARNING_RATE, CLIP, ENTROPY_WEIGHT, VALUE_WEIGHT, MAX_GRAD_NORM = 1e-3, 0.2, 0.005, 0.5, 0.5
MASKED = -1e8  # logit of a choice that can never pay


@dataclass
class Rollout:
    """What one round of playing gives the learner; each (N_STEPS, N_ENVS, ...)."""

    observations: Tensor
    actions: Tensor
    log_probs: Tensor
    rewards: Tensor  # scaled; with the value of what would have come where an episode was cut off
    ended: Tensor  # 1 where the episode ended with this step
    values: Tensor


class Agent(nn.Module):
    """Two small networks: logits for all numbers of the action in a row, and the value."""

    def __init__(self, n_inputs: int, nvec: np.ndarray, mask: np.ndarray) -> None:
        super().__init__()
        self.sizes: list[int] = nvec.tolist()
        self.actor = network(n_inputs, sum(self.sizes), last_gain=0.01)
        self.critic = network(n_inputs, 1, last_gain=1.0)
        self.register_buffer("mask", torch.as_tensor(mask))

    def heads(self, observations: Tensor) -> list[Categorical]:
        """A distribution for each number of the action."""
        logits = torch.where(self.mask, self.actor(observations), MASKED)
        return [Categorical(logits=part) for part in logits.split(self.sizes, dim=-1)]

    def act(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Actions that are drawn, (n, 3 S), and their log-probabilities, (n,)."""
        heads = self.heads(observations)
        actions = torch.stack([head.sample() for head in heads], dim=-1)
        return actions, log_prob(heads, actions)

    def best(self, observations: Tensor) -> Tensor:
        """The most likely actions, (n, 3 S)."""
        return torch.stack([head.logits.argmax(dim=-1) for head in self.heads(observations)], dim=-1)

    def value(self, observations: Tensor) -> Tensor:
        """What is still to come, (n,)."""
        return self.critic(observations).squeeze(-1)


def network(n_inputs: int, n_outputs: int, *, last_gain: float) -> nn.Sequential:
    """Two hidden layers, started orthogonally."""
    layers = [nn.Linear(n_inputs, 64), nn.Linear(64, 64), nn.Linear(64, n_outputs)]
    for layer, gain in zip(layers, (2**0.5, 2**0.5, last_gain), strict=True):
        nn.init.orthogonal_(layer.weight, gain)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])


def log_prob(heads: list[Categorical], actions: Tensor) -> Tensor:
    """The numbers of an action are drawn independently, so their log-probabilities add up."""
    return sum(head.log_prob(number) for head, number in zip(heads, actions.unbind(-1), strict=True))


class Player:
    """Plays the environments on and on, and keeps count of the episodes that ended."""

    def __init__(self, envs: gym.vector.VectorEnv, *, seed: int) -> None:
        self.envs, self.scale = envs, reward_scale(envs.pipeline)
        self.observations = torch.as_tensor(envs.reset(seed=seed)[0])
        self.returns, self.finished = np.zeros(envs.num_envs), []

    @torch.no_grad()
    def play(self, agent: Agent, n_steps: int) -> Rollout:
        """One round of ``n_steps`` in every environment."""
        steps = []
        for _ in range(n_steps):
            seen, values = self.observations, agent.value(self.observations)
            actions, log_probs = agent.act(seen)
            observations, rewards, _, truncated, infos = self.envs.step(actions.numpy())
            self._count(rewards, truncated)
            scaled = torch.as_tensor(rewards * self.scale, dtype=torch.float32)
            if truncated.any():  # the episode was cut off, the system would have gone on: its last observation says how
                last = torch.as_tensor(infos["final_obs"][truncated])
                scaled[torch.as_tensor(truncated)] += GAMMA * agent.value(last)
            steps.append((seen, actions, log_probs, scaled, torch.as_tensor(truncated, dtype=torch.float32), values))
            self.observations = torch.as_tensor(observations)
        return Rollout(*(torch.stack(column) for column in zip(*steps, strict=True)))

    def _count(self, rewards: np.ndarray, truncated: np.ndarray) -> None:
        self.returns += rewards
        self.finished += (self.returns[truncated] / self.envs.n_intervals).tolist()
        self.returns[truncated] = 0.0


def advantages(rollout: Rollout, next_values: Tensor) -> Tensor:
    """Generalised advantage estimates, (N_STEPS, N_ENVS); nothing is carried over an episode's end."""
    found, carried = torch.zeros_like(rollout.rewards), torch.zeros_like(next_values)
    for step in reversed(range(len(found))):
        goes_on = 1.0 - rollout.ended[step]
        delta = rollout.rewards[step] + GAMMA * goes_on * next_values - rollout.values[step]
        carried = found[step] = delta + GAMMA * LAMBDA * goes_on * carried
        next_values = rollout.values[step]
    return found


def learn_from(rollout: Rollout, gains: Tensor, agent: Agent, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """PPO's update; returns the losses of the last minibatch."""
    targets = (gains + rollout.values).flatten()
    observations, actions = rollout.observations.flatten(0, 1), rollout.actions.flatten(0, 1)
    before, gains = rollout.log_probs.flatten(), gains.flatten()
    for _ in range(N_EPOCHS):
        for rows in torch.randperm(len(gains)).chunk(N_MINIBATCHES):
            heads = agent.heads(observations[rows])
            ratio = (log_prob(heads, actions[rows]) - before[rows]).exp()
            gain = (gains[rows] - gains[rows].mean()) / (gains[rows].std() + 1e-8)
            policy_loss = -torch.min(gain * ratio, gain * ratio.clamp(1 - CLIP, 1 + CLIP)).mean()
            value_loss = 0.5 * (agent.value(observations[rows]) - targets[rows]).square().mean()
            entropy = sum(head.entropy() for head in heads).mean()
            optimizer.zero_grad()
            (policy_loss + VALUE_WEIGHT * value_loss - ENTROPY_WEIGHT * entropy).backward()
            nn.utils.clip_grad_norm_(agent.parameters(), MAX_GRAD_NORM)
            optimizer.step()
    return {"policy_loss": policy_loss.item(), "value_loss": value_loss.item(), "entropy": entropy.item()}


def judge(envs: gym.vector.VectorEnv, act: Callable[[np.ndarray], np.ndarray], *, seed: int) -> str:
    """Mean reward an interval and SLA violations, over one episode in every environment."""
    observations, _ = envs.reset(seed=seed)
    reward, violations, arrivals = 0.0, 0, 0
    for _ in range(envs.n_intervals):
        observations, rewards, _, _, infos = envs.step(act(observations))
        metrics = infos.get("final_info", infos)  # where the episodes ended with this step
        reward += rewards.mean() / envs.n_intervals
        violations, arrivals = violations + metrics["violations"].sum(), arrivals + metrics["arrivals"].sum()
    return f"reward {reward:9.2f}   SLA violations {100 * violations / arrivals:5.2f} %"


def train(envs: gym.vector.VectorEnv, *, steps: int, seed: int, logdir: str | None) -> Agent:
    """Train an agent, with a line about each tenth of the way."""
    torch.manual_seed(seed)
    agent = Agent(envs.single_observation_space.shape[0], envs.single_action_space.nvec, envs.action_masks()[0])
    optimizer = torch.optim.Adam(agent.parameters(), lr=LEARNING_RATE, eps=1e-5)
    player, started = Player(envs, seed=seed), time.perf_counter()
    writer = summary_writer(logdir)
    n_rounds = max(1, steps // (N_STEPS * envs.num_envs))
    for number in range(1, n_rounds + 1):
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - (number - 1) / n_rounds)
        rollout = player.play(agent, N_STEPS)
        with torch.no_grad():
            gains = advantages(rollout, agent.value(player.observations))
        losses = learn_from(rollout, gains, agent, optimizer)
        done = number * N_STEPS * envs.num_envs
        if writer is not None:
            for name, value in {**losses, "reward": np.mean(player.finished[-64:] or [np.nan])}.items():
                writer.add_scalar(name, value, done)
        if player.finished and number % max(1, n_rounds // 10) == 0:
            rate = done / (time.perf_counter() - started)
            recent = np.mean(player.finished[-64:])
            print(f"{done:>9,} steps  reward {recent:9.2f}  entropy {losses['entropy']:6.2f}  {rate:,.0f} steps/s")
    return agent


def summary_writer(logdir: str | None):  # the type would need TensorBoard
    """Writes for TensorBoard, where a folder is given."""
    if logdir is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(logdir)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="ipa_gym/Video-v0", help="environment id")
    parser.add_argument("--trace", default="twitter-like", help="load: its training days, then its test days")
    parser.add_argument("--steps", type=int, default=300_000, help="environment steps of all copies together")
    parser.add_argument("--seed", type=int, default=1, help="of the networks and the windows")
    parser.add_argument("--test-episodes", type=int, default=64, help="windows that agent and IPA are compared on")
    parser.add_argument("--logdir", help="folder for TensorBoard; none: no log")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)  # the networks are small: more threads would only wait for each other

    options = {"id": chosen.env, "trace": chosen.trace, "autoreset_mode": "SameStep", "n_threads": 1}
    envs = gym.make_vec(num_envs=N_ENVS, **options)
    agent = train(envs, steps=chosen.steps, seed=chosen.seed, logdir=chosen.logdir)

    split = "test" if "test" in envs.trace.splits else None
    held_out = gym.make_vec(num_envs=chosen.test_episodes, split=split, **options)
    ipa = ipa_gym.make_policy("ipa-exact", held_out)
    print(f"\nmean of an interval, {chosen.test_episodes} windows of {chosen.trace}, {split or 'all'} days")
    print(f"  PPO  {judge(held_out, lambda seen: agent.best(torch.as_tensor(seen)).numpy(), seed=10_000)}")
    print(f"  IPA  {judge(held_out, ipa.act_many, seed=10_000)}")


if __name__ == "__main__":
    main()
