"""The numpy network against torch's own modules, and every fault of a file that it is made from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ipa_gym.errors import IpaGymError, OptionError
from ipa_gym.policies.networks import Network

torch = pytest.importorskip("torch", reason="torch is not installed")
N, STEPS, INPUTS = 3, 5, 4
SEEN = np.random.default_rng(2).normal(size=(STEPS, N, INPUTS)).astype(np.float32)
MLP = [{"kind": "linear", "name": "a"}, {"kind": "tanh"}, {"kind": "linear", "name": "b"}]
LSTM = [{"kind": "lstm", "name": "m"}]
Arrays = dict[str, np.ndarray[Any, Any]]


def arrays_of(**modules: Any) -> Arrays:
    return {
        f"{n}.{p}": v.detach().numpy().copy() for n, module in modules.items() for p, v in module.named_parameters()
    }


def mlp_weights() -> Arrays:
    torch.manual_seed(3)
    return arrays_of(a=torch.nn.Linear(INPUTS, 6), b=torch.nn.Linear(6, 2))


def lstm_weights() -> Arrays:
    torch.manual_seed(3)
    return arrays_of(m=torch.nn.LSTM(INPUTS, 5))


@pytest.mark.parametrize(("kind", "module"), [("tanh", torch.nn.Tanh()), ("relu", torch.nn.ReLU())])
def test_layers_are_torchs(kind: str, module: Any) -> None:
    torch.manual_seed(1)
    a, b = torch.nn.Linear(INPUTS, 7), torch.nn.Linear(7, 3)
    layers = [{"kind": "linear", "name": "a"}, {"kind": kind}, {"kind": "linear", "name": "b"}]
    network = Network(layers, arrays_of(a=a, b=b), n_inputs=INPUTS)
    expected = torch.nn.Sequential(a, module, b)(torch.as_tensor(SEEN[0])).detach().numpy()
    np.testing.assert_allclose(network(SEEN[0]), expected, atol=1e-6)
    assert network.n_outputs == 3


def test_a_residual_layer_adds_its_input() -> None:
    torch.manual_seed(1)
    inner = torch.nn.Linear(INPUTS, INPUTS)
    layers = [{"kind": "residual", "layers": [{"kind": "relu"}, {"kind": "linear", "name": "a"}]}]
    seen = torch.as_tensor(SEEN[0])
    expected = (seen + inner(torch.relu(seen))).detach().numpy()
    np.testing.assert_allclose(Network(layers, arrays_of(a=inner), n_inputs=INPUTS)(SEEN[0]), expected, atol=1e-6)


def test_an_lstm_remembers_as_torchs_does() -> None:
    torch.manual_seed(1)
    module = torch.nn.LSTM(INPUTS, 5)
    network = Network(LSTM, arrays_of(m=module), n_inputs=INPUTS)
    expected, _ = module(torch.as_tensor(SEEN))
    found = np.stack([network(step) for step in SEEN])
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-6)
    assert network.n_outputs == 5


def test_reset_forgets() -> None:
    network = Network(LSTM, lstm_weights(), n_inputs=INPUTS)
    first = network(SEEN[0])
    assert not np.allclose(network(SEEN[0]), first)
    network.reset()
    np.testing.assert_array_equal(network(SEEN[0]), first)


def test_a_network_that_remembers_wants_as_many_rows_until_reset() -> None:
    network = Network(LSTM, lstm_weights(), n_inputs=INPUTS)
    network(SEEN[0])
    with pytest.raises(OptionError, match="2 observations after 3"):
        network(SEEN[0][:2])
    network.reset()
    assert network(SEEN[0][:2]).shape == (2, 5)


def without(name: str) -> Arrays:
    return {key: array for key, array in mlp_weights().items() if key != name}


def nan_in_a() -> Arrays:
    weights = mlp_weights()
    weights["a.weight"][0, 0] = np.nan
    return weights


RESIDUAL = {"kind": "residual", "layers": [{"kind": "linear", "name": "a"}]}
BROKEN: dict[str, tuple[Any, Arrays, list[str]]] = {
    "unknown layer": ([{"kind": "tahn"}], {}, ["unknown layer 'tahn'", "Did you mean 'tanh'"]),
    "no kind": ([{"name": "a"}], {}, ["unknown layer 'None'"]),
    "a list as kind": ([{"kind": ["tanh"]}], {}, ["unknown layer"]),
    "no mapping": (["tanh"], {}, ["expected a list of mappings"]),
    "nothing in a residual layer": ([{"kind": "residual"}], {}, ["expected a list of mappings"]),
    "a number in a residual layer": ([{"kind": "residual", "layers": 3}], {}, ["expected a list of mappings"]),
    "missing bias": (MLP, without("b.bias"), ["unknown weights 'b.bias'", "a.bias"]),
    "missing weight": (MLP, without("a.weight"), ["unknown weights 'a.weight'"]),
    "wrong input": (
        MLP,
        mlp_weights() | {"a.weight": np.zeros((6, 5))},
        ["'a.weight' has the shape (6, 5)", "(any, 4)"],
    ),
    "wrong bias": (MLP, mlp_weights() | {"a.bias": np.zeros(7)}, ["'a.bias' has the shape (7,)", "(6)"]),
    "no table": (MLP, mlp_weights() | {"a.weight": np.zeros(6)}, ["'a.weight' has the shape (6,)"]),
    "NaN": (MLP, nan_in_a(), ["'a.weight' holds a number that is not finite"]),
    "unused": (MLP, mlp_weights() | {"c.bias": np.zeros(1)}, ["'c.bias' belong to no layer"]),
    "residual of another size": ([RESIDUAL], without("b.bias"), ["turns 4 numbers into 6"]),
    "odd gates": (LSTM, lstm_weights() | {"m.weight_ih_l0": np.zeros((18, INPUTS))}, ["18 rows", "multiple of 4"]),
    "wrong recurrence": (LSTM, lstm_weights() | {"m.weight_hh_l0": np.zeros((20, 6))}, ["m.weight_hh_l0", "(20, 5)"]),
    "no gate bias": (LSTM, {k: v for k, v in lstm_weights().items() if k != "m.bias_hh_l0"}, ["m.bias_hh_l0"]),
}


@pytest.mark.parametrize("fault", list(BROKEN))
def test_what_does_not_fit_is_refused_in_one_line(fault: str) -> None:
    layers, weights, parts = BROKEN[fault]
    with pytest.raises(IpaGymError) as error:
        Network(layers, weights, n_inputs=INPUTS)
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
