"""A forecast that the step kernel does not know is asked after each interval, with what the kernel's own would see."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.forecast import FORECASTS
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline

TRACE = Trace("ramp", np.arange(1, 401))


class Listening:
    """Keeps what it is asked with, and predicts 100 more with every question."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[float], list[float]]] = []  # histories and futures

    def predict(self, history_rps: np.ndarray, future_rps: np.ndarray) -> float:
        assert history_rps.dtype == future_rps.dtype == np.float64
        self.asked.append((history_rps.tolist(), future_rps.tolist()))
        return 100.0 * len(self.asked)


class OutsidePerfect:
    """The kernel's ``perfect``, from outside."""

    def predict(self, history_rps: np.ndarray, future_rps: np.ndarray) -> float:
        return float(future_rps.max()) if future_rps.size else float(history_rps[-1])


@pytest.fixture(autouse=True)
def _more_forecasts(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"listening": f"{__name__}:Listening", "outside": f"{__name__}:OutsidePerfect"}
    monkeypatch.setattr("ipa_gym.forecast.base.FORECASTS", {**FORECASTS, **more})


def started(forecast: str, *, interval: float = 10.0, arrivals: str = "exact", first: int = 350) -> PipelineEnv:
    env = PipelineEnv(
        toy_pipeline(), TRACE, windows=[(first, 400)], interval=interval, arrivals=arrivals, forecast=forecast
    )
    env.reset(seed=5)
    return env


def asked(env: PipelineEnv) -> list[tuple[list[float], list[float]]]:
    forecast = env._fleet.forecast
    assert isinstance(forecast, Listening)
    return forecast.asked


def act(env: PipelineEnv) -> float:
    """Step; the forecast that is seen then."""
    observation = env.step(np.zeros(6, dtype=np.int64))[0]
    return env.layout.read(observation).forecast_rps


def test_it_is_asked_once_an_observation_with_the_history_and_the_future_of_that_moment() -> None:
    env = started("listening")
    assert asked(env) == [(list(range(231, 351)), list(range(351, 371)))]
    for _ in range(4):
        act(env)
    assert [history for history, _ in asked(env)] == [list(range(231 + 10 * k, 351 + 10 * k)) for k in range(5)]
    assert asked(env)[3][1] == list(range(381, 401))
    assert asked(env)[4][1] == list(range(391, 401))  # ten seconds before the trace ends


def test_between_whole_seconds_the_second_under_way_is_still_to_come() -> None:
    env = started("listening", interval=2.5)
    act(env)
    assert asked(env)[1] == (list(range(233, 353)), list(range(353, 373)))
    act(env)
    assert asked(env)[2][0][-1] == 355


def test_beyond_the_window_it_sees_what_follows_in_the_trace_and_nothing_after_it() -> None:
    env = PipelineEnv(toy_pipeline(), TRACE, windows=[(10, 20)], arrivals="exact", forecast="listening")
    env.reset(seed=5)
    act(env)
    assert asked(env)[1][1] == list(range(21, 41))
    env = started("listening", first=390)
    act(env)
    assert asked(env)[-1][1] == []


def test_its_answer_is_seen_and_belongs_to_the_decision_that_follows() -> None:
    env = started("listening")
    assert env.layout.read(env.reset(seed=5)[0]).forecast_rps == 200.0
    assert [act(env) for _ in range(3)] == [300.0, 400.0, 500.0]
    assert [row.forecast_rps for row in env.rows] == [200.0, 300.0, 400.0]


@pytest.mark.parametrize("interval", [10.0, 2.5])
def test_the_kernels_own_and_the_same_from_outside_agree_in_everything(interval: float) -> None:
    own, outside = (started(name, interval=interval, arrivals="poisson") for name in ("perfect", "outside"))
    for _ in range(own.n_intervals):
        assert act(own) == act(outside)
    assert [row.forecast_rps for row in own.rows] == [row.forecast_rps for row in outside.rows]
    assert [row.reward for row in own.rows] == [row.reward for row in outside.rows]
    assert len({row.forecast_rps for row in own.rows}) > 3


def test_a_saved_state_keeps_the_answer_that_was_seen() -> None:
    env = started("listening")
    act(env)
    saved = env.get_state()
    act(env)
    env.set_state(saved)
    act(env)
    assert [row.forecast_rps for row in env.rows] == [100.0, 200.0]
