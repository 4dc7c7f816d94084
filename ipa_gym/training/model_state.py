"""What a stable-baselines3 model carries from one update to the next, as arrays and plain values.

Weights, Adam's moments, replay buffer, counters, what was last observed, and the states of all random generators: with
the environments' own arrays, enough to go on to the last bit. No pickle: nothing in it can execute. Where it is kept:
`checkpoints.py`.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import get_device

from ipa_gym.errors import OptionError

Arrays = dict[str, NDArray[Any]]
Values = dict[str, Any]  # Any: what JSON holds
_COUNTERS = (  # attributes of models, those that a model has
    "num_timesteps", "_n_updates", "_episode_num", "_n_calls", "exploration_rate", "_current_progress_remaining",
)  # fmt: skip
_LAST = ("_last_obs", "_last_episode_starts")
_BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
_LSTM = "_last_lstm_states"


def model_state(model: BaseAlgorithm) -> tuple[Arrays, Values]:
    """Copies of a model's state, between two rollouts."""
    arrays: Arrays = {f"policy.{name}": _copied(tensor) for name, tensor in model.policy.state_dict().items()}
    values: Values = {name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)}
    values["kind"] = type(model).__name__
    optimiser = _optimiser(model).state_dict()
    for index, entries in optimiser["state"].items():
        arrays |= {f"optimiser.{index}.{name}": _copied(tensor) for name, tensor in entries.items()}
    values["optimiser"] = [_plain(group) for group in optimiser["param_groups"]]
    arrays |= {name: np.array(getattr(model, name)) for name in _LAST if getattr(model, name, None) is not None}
    for name, tensor in _lstm_tensors(model):
        arrays[name] = _copied(tensor)
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        filled = buffer.buffer_size if buffer.full else buffer.pos
        arrays |= {f"buffer.{name}": getattr(buffer, name)[:filled].copy() for name in _BUFFER}
        values["buffer"] = {"pos": int(buffer.pos), "full": bool(buffer.full)}
    infos = model.ep_info_buffer or ()
    values["episodes"] = [{key: float(value) for key, value in info.items()} for info in infos]
    random_arrays, values["random"] = _random_states(model)
    return arrays | random_arrays, values


def restore_model(model: BaseAlgorithm, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
    """Let a freshly made model of the same card go on from a state, to the last bit.

    Raises: OptionError if the state is of another model.
    """
    if values["kind"] != type(model).__name__:
        raise OptionError(f"the state is of another model: {values['kind']}; expected {type(model).__name__}")
    try:
        model.policy.load_state_dict({name: torch.as_tensor(a.copy()) for name, a in _under(arrays, "policy.").items()})
        _restore_optimiser(model, arrays, values["optimiser"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise OptionError(
            f"the state is of another network: {str(error).splitlines()[0]}; expected the same card"
        ) from error
    for name in _COUNTERS:
        if name in values:
            setattr(model, name, values[name])
    for name in _LAST:
        if name in arrays:
            setattr(model, name, arrays[name].copy())
    for name, tensor in _lstm_tensors(model):
        tensor.copy_(torch.as_tensor(arrays[name].copy()))
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        for name, array in _under(arrays, "buffer.").items():
            getattr(buffer, name)[: len(array)] = array
        buffer.pos, buffer.full = values["buffer"]["pos"], values["buffer"]["full"]
    model.ep_info_buffer = deque(values["episodes"], maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    _restore_random(model, arrays, values["random"])


def _optimiser(model: BaseAlgorithm) -> torch.optim.Optimizer:
    optimiser: torch.optim.Optimizer = model.policy.optimizer
    return optimiser


def _restore_optimiser(model: BaseAlgorithm, arrays: Mapping[str, NDArray[Any]], groups: list[Values]) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, array in _under(arrays, "optimiser.").items():
        index, _, entry = name.partition(".")
        state.setdefault(int(index), {})[entry] = torch.as_tensor(array.copy())
    own = _optimiser(model).state_dict()["param_groups"]
    merged = [{**mine, **{key: tuple(v) if isinstance(v, list) and key == "betas" else v for key, v in given.items()}}
              for mine, given in zip(own, groups, strict=True)]  # fmt: skip
    _optimiser(model).load_state_dict({"state": state, "param_groups": merged})


def _lstm_tensors(model: BaseAlgorithm) -> Iterator[tuple[str, torch.Tensor]]:
    states = getattr(model, _LSTM, None)
    if states is not None:
        for part in ("pi", "vf"):
            for index, tensor in enumerate(getattr(states, part)):
                yield f"lstm.{part}.{index}", tensor


def _random_states(model: BaseAlgorithm) -> tuple[Arrays, Values]:
    kind, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002  # the one that stable-baselines3 draws from
    version, words, gauss = random.getstate()
    arrays = {
        "random.torch": torch.get_rng_state().numpy().copy(),
        "random.numpy": np.array(keys, dtype=np.uint32),
        "random.python": np.array(words, dtype=np.uint64),
    }
    values = {
        "numpy": [kind, int(position), int(has_gauss), float(cached)],
        "python": [version, gauss],
        "actions": model.action_space.np_random.bit_generator.state if _samples(model) else None,
    }
    return arrays, values


def _restore_random(model: BaseAlgorithm, arrays: Mapping[str, NDArray[Any]], values: Values) -> None:
    torch.set_rng_state(torch.as_tensor(arrays["random.torch"].copy(), device=get_device("cpu")))
    kind, position, has_gauss, cached = values["numpy"]
    np.random.set_state((kind, arrays["random.numpy"], position, has_gauss, cached))  # noqa: NPY002  # as above
    version, gauss = values["python"]
    random.setstate((version, tuple(arrays["random.python"].tolist()), gauss))
    if values["actions"] is not None:
        model.action_space.np_random.bit_generator.state = values["actions"]


def _samples(model: BaseAlgorithm) -> bool:
    """Whether a model explores by sampling from its space of actions."""
    return hasattr(model, "replay_buffer")


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _copied(tensor: torch.Tensor) -> NDArray[Any]:
    found: NDArray[Any] = tensor.detach().cpu().numpy().copy()
    return found


def _plain(group: Mapping[str, Any]) -> Values:
    """An optimiser's group without its parameters, which stay in their order."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in group.items() if k != "params"}
