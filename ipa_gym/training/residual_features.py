"""Residual blocks in front of a policy's hidden layers, as agent ``opd`` has them."""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn


class ResidualBlock(nn.Module):
    """x + W2 · relu(W1 · relu(x)): two linear layers around which the input goes unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Shape (n, width) in and out."""
        changed: torch.Tensor = self.layers(values)
        return values + changed


class ResidualFeatures(BaseFeaturesExtractor):
    """A linear layer to ``width`` numbers, then residual blocks.

    Source: OPD (arXiv 2506.02814), whose policy extracts features of pipeline and load by residual blocks.
    """

    def __init__(self, observation_space: spaces.Box, *, width: int, n_blocks: int) -> None:
        super().__init__(observation_space, features_dim=width)
        entry = nn.Linear(int(observation_space.shape[0]), width)
        self.layers = nn.Sequential(entry, *(ResidualBlock(width) for _ in range(n_blocks)), nn.ReLU())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Shape (n, width) of observations (n, layout.size)."""
        features: torch.Tensor = self.layers(observations)
        return features
