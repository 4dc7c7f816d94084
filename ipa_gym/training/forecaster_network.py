"""The paper's load predictor in torch: an LSTM with ReLU in place of tanh, and one dense output.

torch's own LSTM knows tanh only, so the cell is written out, with Keras' order of gates and Keras' initial weights.
`ipa_gym/forecast/lstm_kernel.py` computes the same without torch. Trained in `forecaster.py`.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ipa_gym.forecast.lstm_file import ARRAYS

UNITS = 25  # the paper's


class ForecasterNetwork(nn.Module):
    """From maxima of 10 s, as shares of the highest, to the maximum of the next 20 s in the same unit.

    Args:
        units: of the LSTM.
        generator: draws the initial weights: Glorot's for the input, orthogonal for the recurrence, a bias of 1 for
            the forget gate, as in Keras.
    """

    def __init__(self, units: int = UNITS, *, generator: torch.Generator) -> None:
        super().__init__()
        shapes = ((1, 4 * units), (units, 4 * units), (units, 1))
        input_weights, recurrent, dense = (torch.empty(shape) for shape in shapes)
        nn.init.xavier_uniform_(input_weights, generator=generator)
        nn.init.orthogonal_(recurrent, generator=generator)
        nn.init.xavier_uniform_(dense, generator=generator)
        bias = torch.zeros(4 * units)
        bias[units : 2 * units] = 1.0
        self.input, self.recurrent, self.bias = map(nn.Parameter, (input_weights[0], recurrent, bias))
        self.dense, self.dense_bias = nn.Parameter(dense[:, 0]), nn.Parameter(torch.zeros(1))

    def forward(self, shares: Tensor) -> Tensor:
        """The predicted share of each row, (n,), from (n, 12), the oldest first."""
        driven = shares.t()[:, :, None] * self.input + self.bias
        hidden = cell = shares.new_zeros(len(shares), len(self.recurrent))
        for sums in driven.unbind():
            into, forget, candidate, out = torch.addmm(sums, hidden, self.recurrent).chunk(4, dim=1)
            kept = torch.sigmoid(forget) * cell
            cell = torch.addcmul(kept, torch.sigmoid(into), torch.relu(candidate))
            hidden = torch.sigmoid(out) * torch.relu(cell)
        return hidden @ self.dense + self.dense_bias

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Copies of the weights under the names that the file of weights has."""
        weights = (self.input, self.recurrent, self.bias, self.dense, self.dense_bias)
        named = zip(ARRAYS, weights, strict=True)
        return {name: weight.detach().numpy().astype(np.float32) for name, weight in named}
