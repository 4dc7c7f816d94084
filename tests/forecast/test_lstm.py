"""The paper's LSTM as a forecast: numbers worked by hand, the same floats one by one and many, its files, its names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from safetensors.numpy import save_file

import ipa_gym
from ipa_gym.cards import load_pipeline
from ipa_gym.errors import CardError, IpaGymError, UnknownNameError, WeightsError
from ipa_gym.forecast import forecast_name, make_forecast
from ipa_gym.forecast import lstm as lstm_module
from ipa_gym.forecast.lstm import Lstm, shipped_weights
from ipa_gym.forecast.lstm_file import ARRAYS, read_about, read_network, write_network
from ipa_gym.forecast.lstm_kernel import _sigmoid
from ipa_gym.policies.card import load_agent_card

NOTHING = np.array([])
UNITS = 3


def arrays(units: int = UNITS, **changes: Any) -> dict[str, np.ndarray]:
    """Weights of a network that halves its cell, adds half of the input, and shows half: see the first test."""
    zeros = np.zeros(4 * units, dtype=np.float32)
    found = {
        "lstm.input": zeros.copy(), "lstm.recurrent": np.zeros((units, 4 * units), dtype=np.float32),
        "lstm.bias": zeros, "dense.weight": np.zeros(units, dtype=np.float32), "dense.bias": np.zeros(1, np.float32),
    }  # fmt: skip
    found["lstm.input"][2 * units] = 1.0  # the first unit's candidate is the input
    found["dense.weight"][0] = 2.0
    return found | changes


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    return write_network(tmp_path / "own.safetensors", arrays(), {"note": "by hand"})


def random_histories(n: int, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.choice([0.05, 3.0, 12.0, 400.0], n)[:, None] * rng.uniform(0, 2, (n, 120))).astype(float)


# --- arithmetic ---


def test_a_network_of_one_unit_gives_the_numbers_worked_by_hand(own_file: Path) -> None:
    """All gates are sigmoid(0) = 1/2: the cell becomes half of itself plus half of the input, 2 · 1/2 of it is seen."""
    forecast = make_forecast(own_file)
    assert forecast.predict(np.full(120, 8.0), NOTHING) == 8 * (1 - 0.5**12)
    rise = np.zeros(120)
    rise[100], rise[119] = 4.0, 16.0  # the last two maxima; as shares 1/4 and 1
    assert forecast.predict(rise, NOTHING) == 16 * (0.5 * 0.125 + 0.5)


def test_recurrence_and_gates_are_in_their_places(tmp_path: Path) -> None:
    """One unit, two steps that matter: the second sees the first's output through the forget gate alone."""
    recurrent = np.array([[0.0, 2.0, 0.0, 0.0]], dtype=np.float32)
    found = arrays(1, **{"lstm.recurrent": recurrent})
    history = np.zeros(120)
    history[100], history[110] = 10.0, 10.0
    cell = 0.5  # after the first; its output is 0.25, so the forget gate opens to sigmoid(0.5)
    cell = cell / (1 + np.exp(-0.5)) + 0.5
    predicted = make_forecast(write_network(tmp_path / "a.safetensors", found, {})).predict(history, NOTHING)
    assert predicted == pytest.approx(10 * cell, rel=1e-12)


def test_the_logistic_function_is_right_to_a_few_units_of_the_last_digit() -> None:
    places = np.linspace(-60, 60, 4_001)
    found = np.array([_sigmoid(place) for place in places])
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-places)), rtol=0, atol=5e-15)


def test_it_is_never_below_zero_and_zero_where_nothing_arrived(tmp_path: Path) -> None:
    below = write_network(tmp_path / "below.safetensors", arrays(**{"dense.bias": np.array([-9.0])}), {})
    assert make_forecast(below).predict(np.full(120, 8.0), NOTHING) == 0.0
    above = write_network(tmp_path / "above.safetensors", arrays(**{"dense.bias": np.array([9.0])}), {})
    assert make_forecast(above).predict(np.zeros(120), NOTHING) == 0.0


def test_a_load_eight_times_as_high_is_predicted_eight_times_as_high() -> None:
    histories = random_histories(50)
    forecast = Lstm()
    np.testing.assert_allclose(forecast.predict_many(8 * histories), 8 * forecast.predict_many(histories), rtol=1e-14)


def test_the_order_inside_ten_seconds_does_not_matter() -> None:
    histories = random_histories(50)
    turned = histories.reshape(50, 12, 10)[:, :, ::-1].reshape(50, 120)
    assert Lstm().predict_many(turned).tolist() == Lstm().predict_many(histories).tolist()


def test_many_histories_give_the_floats_of_each_alone() -> None:
    histories, forecast = random_histories(300), Lstm()
    many = forecast.predict_many(histories)
    assert many.tolist() == [forecast.predict(history, NOTHING) for history in histories]
    assert many[::-7].tolist() == forecast.predict_many(histories[::-7]).tolist()
    assert len(set(many.tolist())) > 200


def test_shipped_weights_predict_a_flat_load_as_it_is_and_lead_a_rise() -> None:
    forecast = make_forecast("lstm")
    assert forecast.predict(np.full(120, 20.0), NOTHING) == pytest.approx(20.0, rel=0.1)
    burst = np.r_[np.full(100, 6.0), np.full(10, 12.0), np.full(10, 18.0)]
    assert forecast.predict(burst, NOTHING) > 18.0


# --- environments ---


@pytest.mark.parametrize("interval", [10.0, 2.5])
def test_a_vector_environment_sees_the_floats_of_single_ones(interval: float) -> None:
    options: dict[str, Any] = {"forecast": "lstm", "episode_s": 60, "interval": interval, "service_cv": 0.3}
    envs = gym.make_vec("ipa_gym/Video-v0", num_envs=5, autoreset_mode="SameStep", **options)
    singles = [gym.make("ipa_gym/Video-v0", **options) for _ in range(5)]
    policy = ipa_gym.make_policy("ipa-exact", envs)
    observations, _ = envs.reset(seed=7)
    expected = [env.reset(seed=7 + index)[0] for index, env in enumerate(singles)]
    for _ in range(int(60 / interval) + 3):
        assert observations.tobytes() == np.stack(expected).tobytes()
        actions = policy.act_many(observations)
        observations, rewards, *_ = envs.step(actions)
        for index, env in enumerate(singles):
            expected[index], reward, _, truncated, _ = env.step(actions[index])
            assert reward == rewards[index]
            if truncated:
                expected[index] = env.reset()[0]


def test_an_own_file_is_taken_by_environments_and_known_by_one_name(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_file.parent)
    for given in ("own.safetensors", own_file, str(own_file)):
        env = gym.make("ipa_gym/Video-v0", trace="bursty", forecast=given).unwrapped
        observation, _ = env.reset(seed=1)
        assert env.forecast_name == str(own_file.resolve())
    envs = gym.make_vec("ipa_gym/Video-v0", num_envs=2, trace="bursty", forecast="own.safetensors")
    assert envs.reset(seed=1)[0][0].tobytes() == observation.tobytes()
    forecast = env.layout.read(observation).forecast_rps
    shipped = gym.make("ipa_gym/Video-v0", trace="bursty", forecast="lstm").unwrapped
    assert forecast != shipped.layout.read(shipped.reset(seed=1)[0]).forecast_rps


def test_an_agent_card_names_a_file_beside_it(own_file: Path) -> None:
    card = own_file.with_name("agent.yaml")
    card.write_text("name: a\ntitle: b\npolicy: ipa\nforecast: own.safetensors\n", encoding="utf-8")
    assert load_agent_card(card).forecast == str(own_file.resolve())
    env = gym.make("ipa_gym/Video-v0", trace="bursty", forecast=own_file)
    ipa_gym.make_policy(card, env)
    card.write_text("name: a\ntitle: b\npolicy: ipa\nforecast: other.safetensors\n", encoding="utf-8")
    with pytest.raises(CardError, match=r"agent.yaml: forecast is 'other.safetensors'; .* that is there"):
        load_agent_card(card)


def test_a_pipeline_card_names_a_file_beside_it(own_file: Path) -> None:
    text = (Path(__file__).parents[2] / "envs" / "video.yaml").read_text(encoding="utf-8")
    card = own_file.with_name("video.yaml")
    card.write_text(text.replace("forecast: reactive", "forecast: own.safetensors"), encoding="utf-8")
    assert load_pipeline(card).forecast == str(own_file.resolve())


# --- files and names ---


def test_weights_are_read_once_and_again_when_the_file_is_written_anew(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(lstm_module, "read_network", lambda path: read.append(path) or read_network(path))
    history = np.full(120, 8.0)
    before = {make_forecast(own_file).predict(history, NOTHING) for _ in range(3)}
    assert len(read) == 1
    write_network(own_file, arrays(**{"dense.bias": np.array([0.5])}), {"note": "a longer one"})
    assert make_forecast(own_file).predict(history, NOTHING) == before.pop() + 4.0
    assert len(read) == 2


def test_a_written_file_says_what_it_is_and_is_the_same_every_time(own_file: Path, tmp_path: Path) -> None:
    assert read_about(own_file) == {"kind": "load-forecaster", "format": 1, "note": "by hand"}
    again = write_network(tmp_path / "again.safetensors", arrays(), {"note": "by hand"})
    assert again.read_bytes() == own_file.read_bytes()


def about(**changes: object) -> dict[str, str]:
    return {"ipa_gym": json.dumps({"kind": "load-forecaster", "format": 1} | changes)}


SHORT = {name: array for name, array in arrays().items() if name != "lstm.bias"}
HOLED = arrays()["lstm.recurrent"].copy()
HOLED[1, 2] = np.nan
BROKEN: dict[str, tuple[dict[str, np.ndarray], dict[str, str] | None, str]] = {
    "no header": (arrays(), None, "ipa_gym in the header is missing; expected a mapping of kind 'load-forecaster'"),
    "no JSON": (arrays(), {"ipa_gym": "{"}, "ipa_gym in the header is no JSON"),
    "no mapping": (arrays(), {"ipa_gym": "[1]"}, r"ipa_gym in the header is \[1\]; expected a mapping"),
    "kind": (arrays(), about(kind="agent"), "kind in the header is 'agent'; expected 'load-forecaster'"),
    "format": (arrays(), about(format=2), "format in the header is 2; expected 1"),
    "array missing": (SHORT, about(), "lstm.bias is missing; expected the arrays lstm.input, "),
    "shape": (
        arrays(**{"lstm.recurrent": np.zeros((UNITS, UNITS))}), about(),
        r"lstm.recurrent has shape \(3, 3\); expected \(3, 12\)",
    ),
    "no units": (arrays(**{"dense.weight": np.zeros(0)}), about(), r"dense.weight has shape \(0,\); expected \(at lea"),
    "dimensions": (arrays(**{"dense.bias": np.zeros((1, 1))}), about(), r"dense.bias has shape \(1, 1\); expected \(1"),
    "type": (
        arrays(**{"lstm.bias": np.zeros(4 * UNITS, dtype=np.int64)}), about(),
        "lstm.bias holds numbers of type int64; expected floating-point",
    ),
    "not finite": (arrays(**{"lstm.recurrent": HOLED}), about(), r"lstm.recurrent\[1, 2\] is nan; expected finite"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_one_clear_error(fault: str, tmp_path: Path) -> None:
    content, header, message = BROKEN[fault]
    path = tmp_path / "broken.safetensors"
    save_file(content, path, metadata=header)
    with pytest.raises(WeightsError, match=rf"broken\.safetensors: {message}") as error:
        make_forecast(path)
    assert "\n" not in str(error.value)


def test_what_is_no_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    for content in (b"", b"not one", b"\xff" * 100):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"broken\.safetensors: cannot be read .* expected a .safetensors file"):
            make_forecast(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lsmt", r"unknown forecast 'lsmt'.*Did you mean 'lstm'\?.*\.safetensors"),
        ("no/such.safetensors", r"no file 'no/such\.safetensors'; .* reactive, max, holt, lstm, perfect"),
        ("weights.pt", r"unknown forecast 'weights.pt'"),
    ],
)
def test_unknown_names_and_missing_files_are_one_clear_error(name: str, message: str) -> None:
    for ask in (forecast_name, make_forecast, lambda found: gym.make("ipa_gym/Video-v0", forecast=found)):
        with pytest.raises((UnknownNameError, IpaGymError), match=message):
            ask(name)


def test_the_shipped_file_is_small_and_says_how_it_was_made() -> None:
    found = read_about(shipped_weights())
    assert shipped_weights().stat().st_size < 20_000
    assert (found["trace"], found["units"], found["epochs"], found["batch"]) == ("twitter-like", 25, 30, 64)
    assert found["parts"]["test"] == [14 * 86_400, 21 * 86_400]
    assert found["command"].startswith("ipa-gym train-forecaster")
    assert set(ARRAYS) == {"lstm.input", "lstm.recurrent", "lstm.bias", "dense.weight", "dense.bias"}
