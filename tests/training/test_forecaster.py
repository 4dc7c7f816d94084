"""Training the load predictor: what it learns from, that it learns, that it is scored right, and its command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ipa_gym import cli
from ipa_gym.errors import IpaGymError, OptionError, TraceError
from ipa_gym.forecast import FORECASTS, make_forecast
from ipa_gym.forecast.lstm import Lstm
from ipa_gym.forecast.lstm_file import read_about, read_network
from ipa_gym.training import forecaster
from ipa_gym.training.forecast_examples import cut_examples, mixed_examples, trace_parts
from ipa_gym.training.forecast_scores import score, score_forecasts, smape_percent
from ipa_gym.training.forecaster import ForecasterSettings, network_of, train_forecaster
from ipa_gym.training.forecaster_network import ForecasterNetwork
from ipa_gym.training.forecaster_report import train_to_file
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace

DAY_S = 86_400


def wave(n_seconds: int = 9_000, *, period_s: int = 200) -> Trace:
    """A load that swings between 0 and 40 requests/s: what comes next depends on where in the swing one is."""
    seconds = np.arange(n_seconds)
    return Trace("wave", np.round(20 + 20 * np.sin(2 * np.pi * seconds / period_s)).astype(np.int64))


# --- examples ---


def test_shipped_traces_training_days_are_parted_into_twelve_and_two() -> None:
    parts = trace_parts(load_trace("twitter-like"))
    days = {name: (start / DAY_S, stop / DAY_S) for name, (start, stop) in parts.items()}
    assert days == {"fit": (0, 12), "validation": (12, 14), "test": (14, 21)}


def test_an_own_trace_is_parted_by_its_fraction_or_its_own_splits() -> None:
    counts = np.ones(9_000, dtype=np.int64)
    assert trace_parts(Trace("own", counts), train_fraction=0.7) == {
        "fit": (0, 5_400), "validation": (5_400, 6_300), "test": (6_300, 9_000),
    }  # fmt: skip
    assert trace_parts(Trace("own", counts))["test"] == (6_000, 9_000)
    split = Trace("own", counts, splits={"train": (3_000, 6_500), "test": (0, 3_000)})
    assert trace_parts(split) == {"fit": (3_000, 6_000), "validation": (6_000, 6_500), "test": (0, 3_000)}
    with pytest.raises(TraceError, match=r"train_fraction is 0\.5 beside its own splits"):
        trace_parts(split, train_fraction=0.5)


@pytest.mark.parametrize(("seconds", "part"), [(2_000, "validation"), (400, "fit")])
def test_a_trace_too_short_to_learn_from_is_one_clear_error(seconds: int, part: str) -> None:
    with pytest.raises(TraceError, match=rf"short: its part '{part}' has \d+ s .* at least 230 s, which are 10 exa"):
        trace_parts(Trace("short", np.ones(seconds, dtype=np.int64)))


def test_examples_are_every_ten_seconds_and_stay_inside_their_seconds() -> None:
    examples = cut_examples(Trace("ramp", np.arange(1_000)), (200, 365), arrivals="exact")
    assert examples.histories_rps[:, 0].tolist() == [200, 210, 220]
    assert examples.histories_rps[:, -1].tolist() == [319, 329, 339]
    assert examples.targets_rps.tolist() == [339, 349, 359]


def test_drawn_examples_have_the_traces_mean_and_poissons_variance_and_a_seed() -> None:
    flat = Trace("flat", np.full(20_000, 50))
    first, again, other = (cut_examples(flat, (0, 20_000), arrivals="poisson", seed=seed) for seed in (1, 1, 2))
    drawn = first.futures_rps[::2].ravel()  # every second once
    assert abs(drawn.mean() - 50) < 4 * np.sqrt(50 / drawn.size)
    assert drawn.var() == pytest.approx(50, rel=0.1)
    assert np.array_equal(first.futures_rps, again.futures_rps)
    assert not np.array_equal(first.futures_rps, other.futures_rps)


def test_training_sees_counts_and_drawn_arrivals_by_turns() -> None:
    flat = Trace("flat", np.full(2_000, 50))
    examples = mixed_examples(flat, (0, 2_000), seed=0)
    assert (examples.histories_rps[0::2] == 50).all()
    assert (examples.histories_rps[1::2].std(axis=1) > 3).all()
    assert (examples.targets_rps[1::2] > 50).all()  # the highest of twenty


# --- scores ---


def test_errors_are_those_worked_by_hand() -> None:
    found = score("some", "exact", np.array([3.0, 4.0, 0.0, 10.0]), np.array([1.0, 6.0, 0.0, 10.0]))
    assert found.smape_percent == pytest.approx(100 * (1.0 + 0.4) / 4)
    assert found.rmse_rps == pytest.approx(np.sqrt(2))
    assert (found.too_low_percent, found.shortfall_rps, found.n_examples) == (25.0, 0.5, 4)


def test_smape_counts_nothing_as_right_and_something_for_nothing_as_wholly_wrong() -> None:
    assert smape_percent(np.zeros(3), np.zeros(3)) == 0.0
    assert smape_percent(np.zeros(2), np.array([5.0, 0.1])) == 200.0


def test_perfect_has_no_error_and_the_shipped_lstm_the_least_of_the_others_on_test_days() -> None:
    trace = load_trace("twitter-like")
    start, _ = trace.split_range("test")
    scores = score_forecasts(trace, (start, start + 2 * DAY_S))
    assert [(found.forecast, found.arrivals) for found in scores] == [
        (name, kind) for kind in ("exact", "poisson") for name in FORECASTS
    ]
    for kind in ("exact", "poisson"):
        by = {found.forecast: found for found in scores if found.arrivals == kind}
        assert by.pop("perfect").smape_percent == 0.0
        assert min(by, key=lambda name: by[name].smape_percent) == "lstm"
        assert min(by, key=lambda name: by[name].rmse_rps) == "lstm"
        assert by["lstm"].smape_percent < 0.9 * by["reactive"].smape_percent


# --- network ---


def test_the_compiled_network_gives_what_torch_gives() -> None:
    generator = torch.Generator().manual_seed(3)
    network = ForecasterNetwork(generator=generator)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=generator)
    rng = np.random.default_rng(0)
    histories = rng.poisson(rng.uniform(0.5, 30, (200, 12)).repeat(10, axis=1)).astype(float)
    maxima = histories.reshape(200, 12, 10).max(axis=2)
    highest = maxima.max(axis=1)
    with torch.no_grad():
        shares = network(torch.tensor(maxima / highest[:, None], dtype=torch.float32)).numpy()
    expected = np.maximum(0, shares * highest)
    assert (expected > 0).sum() > 50
    found = Lstm(network_of(network.arrays())).predict_many(histories)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_initial_weights_are_kerass() -> None:
    found = ForecasterNetwork(generator=torch.Generator().manual_seed(0)).arrays()
    assert sum(array.size for array in found.values()) == 2_726  # 4 · 25 · (1 + 25 + 1) + 25 + 1
    assert np.flatnonzero(found["lstm.bias"]).tolist() == list(range(25, 50))  # the forget gate's, all 1
    np.testing.assert_allclose(found["lstm.recurrent"] @ found["lstm.recurrent"].T, np.eye(25), atol=1e-5)
    assert np.abs(found["lstm.input"]).max() < np.sqrt(6 / 101)


# --- training ---


@pytest.fixture(scope="module")
def swing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("forecaster") / "swing.safetensors"
    train_to_file(wave(), path, ForecasterSettings(epochs=10, batch=8, seed=1), command="ipa-gym train-forecaster")
    return path


def test_it_learns_to_see_a_swing_coming(swing: Path) -> None:
    trace = wave()
    forecasts = {name: make_forecast(name) for name in ("reactive", "holt", swing)}
    scores = score_forecasts(trace, trace_parts(trace)["test"], forecasts={str(k): v for k, v in forecasts.items()})
    rmse_rps = {found.forecast: found.rmse_rps for found in scores if found.arrivals == "exact"}
    assert rmse_rps[str(swing)] < 0.5 * min(rmse_rps["reactive"], rmse_rps["holt"])


def test_the_same_seed_gives_the_same_file_and_another_seed_other_initial_weights(tmp_path: Path) -> None:
    trace, paths = wave(4_000), [tmp_path / f"{number}.safetensors" for number in range(3)]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        train_to_file(trace, path, ForecasterSettings(epochs=1, seed=seed))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    first, other = (read_network(path).input for path in paths[1:])
    assert np.abs(first - other).max() > 0.1  # a few steps of 0.001 would not do that


def test_the_best_epochs_weights_are_kept_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    kept = {}
    for epochs in (2, 4):
        errors = iter([3.0, 1.0, 2.0, 1.0])
        monkeypatch.setattr(forecaster, "_rmse_rps", lambda *_, errors=errors: next(errors))
        settings = ForecasterSettings(epochs=epochs, batch=32)
        kept[epochs] = train_forecaster(
            wave(3_000), settings, on_progress=lambda done, total: told.append((done, total))
        )
    assert told == [(1, 2), (2, 2), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert kept[4].best_epoch == 2
    assert kept[4].validation_rmse_rps == (3.0, 1.0, 2.0, 1.0)
    assert all(np.array_equal(kept[4].arrays[name], array) for name, array in kept[2].arrays.items())


def test_the_error_on_the_validation_part_is_that_of_the_forecast() -> None:
    trained = train_forecaster(wave(3_000), ForecasterSettings(epochs=2, batch=32))
    validation = mixed_examples(wave(3_000), trace_parts(wave(3_000))["validation"], seed=0)
    error = Lstm(network_of(trained.arrays)).predict_many(validation.histories_rps) - validation.targets_rps
    assert np.sqrt(np.mean(error**2)) == pytest.approx(min(trained.validation_rmse_rps), rel=1e-4)


def test_training_leaves_torchs_threads_and_random_numbers_alone() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    train_forecaster(wave(3_000), ForecasterSettings(epochs=1))
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_the_file_says_what_it_was_trained_on(swing: Path) -> None:
    about = read_about(swing)
    assert about["trace"] == "wave"
    assert about["parts"] == {"fit": [0, 5_143], "validation": [5_143, 6_000], "test": [6_000, 9_000]}
    assert (about["epochs"], about["batch"], about["seed"], about["units"]) == (10, 8, 1, 25)
    assert set(about["smape_percent"]["test"]) == {"exact", "poisson"}
    assert about["command"] == "ipa-gym train-forecaster"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"batch": 1.5}, r"batch is 1\.5"),
        ({"seed": -1}, "seed is -1; expected a whole"),
    ],
)
def test_bad_settings_are_one_clear_error(changes: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ForecasterSettings(**changes)  # type: ignore[arg-type]  # that is the fault


# --- the command ---


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["ipa-gym", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)


def test_the_command_trains_on_an_own_csv_and_its_file_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text("rps\n" + "\n".join(map(str, wave(4_000).counts.tolist())), encoding="utf-8")
    given = ("--trace", "own.csv", "--scale", "0.5", "--train-fraction", "0.7", "--epochs", "1")
    assert run(monkeypatch, "train-forecaster", *given, "--out", "mine.safetensors", "--json") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["parts"]["test"] == [2_800, 4_000]
    assert [row["forecast"] for row in found["scores"]["test"]] == 2 * list(FORECASTS)
    assert "wrote mine.safetensors" in err
    assert read_about(Path("mine.safetensors"))["command"].startswith("ipa-gym train-forecaster --trace own.csv")
    short = ("evaluate", "--window", "0:20", "--agent", "ipa-exact", "--json")
    assert run(monkeypatch, *short, "--forecast", "mine.safetensors") == 0
    first = json.loads(capsys.readouterr().out)["intervals"][0]
    expected = make_forecast("mine.safetensors").predict(
        np.full(120, load_trace("bursty").counts[0], float), np.array([])
    )
    assert first["forecast_rps"] == expected


def test_the_command_prints_a_table_a_part_and_kind_of_arrivals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("own.npz", rps=wave(4_000).counts)
    assert run(monkeypatch, "train-forecaster", "--trace", "own.npz", "--epochs", "1") == 0
    out, _ = capsys.readouterr()
    assert out.count("SMAPE %") == 4
    line = next(line.split() for line in out.splitlines() if line.split()[:1] == ["perfect"])
    assert line == ["perfect", "0.00", "0.00", "0.00", "0.00"]
    assert Path("forecaster.safetensors").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "weights.pt"), "expected a name that ends with .safetensors"),
        (("--epochs", "0"), "epochs is 0"),
        (("--trace", "twiter-like"), "Did you mean 'twitter-like'"),
        (("--trace", "bursty"), "bursty: its part 'validation' has"),
        (("--train-fraction", "0.5"), "beside its own splits"),
    ],
)
def test_a_users_error_is_one_line_and_nothing_is_written(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "train-forecaster", *arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert (out, len(err.strip().splitlines()), list(tmp_path.iterdir())) == ("", 1, [])


def test_errors_of_the_library_are_ipa_gyms(tmp_path: Path) -> None:
    with pytest.raises(IpaGymError, match="ends with"):
        train_to_file(wave(3_000), tmp_path / "weights.bin")
