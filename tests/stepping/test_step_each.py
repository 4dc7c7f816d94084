"""Stepping environments one after another: the floats of stepping them together, and every latency beside."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.forecast import FORECASTS
from ipa_gym.observation import ObservationLayout
from ipa_gym.settings import env_settings
from ipa_gym.stepping import Fleet
from ipa_gym.stepping.fleet import COMPLETED
from ipa_gym.stepping.kernel import LATENCY_MEAN_S
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline

N, STEPS = 3, 6
WAVE = Trace("wave", np.rint(15 + 15 * np.sin(np.arange(2000) / 60.0)).astype(np.int64))


def begun(forecast: str) -> Fleet:
    settings = env_settings(toy_pipeline(), WAVE, episode_s=60, service_cv=0.5, forecast=forecast)
    layout = ObservationLayout(settings.pipeline, settings.interval_s)
    fleet = Fleet(settings, layout, N, model=settings.simulator().model, n_threads=1)
    starts = np.array([100, 400, 433])
    fleet.begin(np.arange(N), starts, np.array([1, 2, 3], dtype=np.uint64), fleet.initial_decisions(starts))
    return fleet


class Newest:
    """A forecast that the kernel does not know: it is asked after each interval."""

    def predict(self, history_rps: np.ndarray, future_rps: np.ndarray) -> float:
        return float(history_rps[-3:].sum())


@pytest.mark.parametrize("forecast", ["holt", "newest"])
def test_one_after_another_is_as_all_together(forecast: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipa_gym.forecast.base.FORECASTS", {**FORECASTS, "newest": f"{__name__}:Newest"})
    together, apart = begun(forecast), begun(forecast)
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        actions = rng.integers(0, [2, 3, 4, 2, 3, 4], size=(N, 6))
        together.step(actions, np.ones(N, dtype=np.bool_))
        latency_s = apart.step_each(actions)
        for name in ("observation", "reward", "truncated", "metrics"):
            np.testing.assert_array_equal(getattr(together.outputs, name), getattr(apart.outputs, name), err_msg=name)
        assert [len(values) for values in latency_s] == apart.outputs.metrics[:, COMPLETED].tolist()
        for row, values in zip(apart.outputs.metrics, latency_s, strict=True):
            if len(values):
                assert row[LATENCY_MEAN_S] == pytest.approx(values.mean())
    assert apart.outputs.truncated.all()
