"""The observation's layout: every field is written where it is read, exactly, and nothing is clipped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.observation import Observation, ObservationLayout, StageObservation
from tests.conftest import toy_pipeline

_COUNT = st.integers(0, 5_000)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    stages = tuple(
        StageObservation(
            variant=draw(st.integers(0, 1)),
            target_variant=draw(st.integers(0, 1)),
            batch=draw(st.sampled_from([1, 2, 4])),
            replicas=draw(st.integers(0, 100)),
            starting=draw(st.integers(0, 100)),
            queue_requests=draw(_COUNT),
            utilisation=draw(st.floats(0, 1, width=16)),
            sojourn_p99_s=draw(st.floats(0, 60, width=16)),
            drops=draw(_COUNT),
        )
        for _ in range(2)
    )
    history = np.array(draw(st.lists(_COUNT, min_size=12, max_size=12)), dtype=np.float64)
    return Observation(history, float(draw(_COUNT)), stages)


@given(observations())
def test_counts_come_back_exactly(observation: Observation) -> None:
    layout = ObservationLayout(toy_pipeline(), 10.0)
    read = layout.read(layout.write(observation))
    assert read.load_history_rps.tolist() == observation.load_history_rps.tolist()
    assert read.forecast_rps == observation.forecast_rps
    for seen, stage in zip(read.stages, observation.stages, strict=True):
        for name in ("variant", "target_variant", "batch", "replicas", "starting", "queue_requests", "drops"):
            assert getattr(seen, name) == getattr(stage, name)
        assert seen.utilisation == pytest.approx(stage.utilisation, abs=1e-6)
        assert seen.sojourn_p99_s == pytest.approx(stage.sojourn_p99_s, rel=1e-6, abs=1e-6)


def test_fields_tile_the_vector_without_gap_or_overlap(toy) -> None:
    layout = ObservationLayout(toy, 10.0)
    covered = [i for field in layout.fields for i in range(field.slice.start, field.slice.stop)]
    assert covered == list(range(layout.size)) == list(range(13 + 2 * 11))


def test_scales_of_counts_are_powers_of_two(toy) -> None:
    for field in ObservationLayout(toy, 10.0).fields:
        if field.unit in {"requests", "replicas", "requests/s"}:
            assert np.log2(field.scale) == int(np.log2(field.scale)), field


def test_one_hot_marks_the_serving_variant(toy) -> None:
    layout = ObservationLayout(toy, 10.0)
    stage = StageObservation(1, 0, 2, 3, 1, 7, 0.5, 1.0, 0)
    vector = layout.write(Observation(np.zeros(12), 16.0, (stage, stage)))
    assert vector[layout.field("variant", 0).slice].tolist() == [0.0, 1.0]
    assert vector[layout.field("target_variant", 1).slice].tolist() == [1.0, 0.0]
    assert vector[layout.field("batch", 0).slice].tolist() == [0.5]  # 2 of at most 4
    assert vector[layout.field("forecast_rps").slice].tolist() == [0.5]  # 16 of 32 requests/s
    assert vector[layout.field("sojourn_p99_s", 1).slice].tolist() == [0.5]  # 1 s of a 2 s SLA


def test_wrong_shape_and_unknown_field_are_refused(toy) -> None:
    layout = ObservationLayout(toy, 10.0)
    with pytest.raises(OptionError, match=r"shape \(3,\)"):
        layout.read(np.zeros(3, dtype=np.float32))
    with pytest.raises(UnknownNameError, match="Did you mean 'forecast_rps'"):
        layout.field("forecast_rp")


def test_configuration_seen_during_a_switch_is_the_target(toy) -> None:
    stage = StageObservation(0, 1, 2, replicas=3, starting=2, queue_requests=0, utilisation=0, sojourn_p99_s=0, drops=0)
    choice = Observation(np.zeros(12), 0.0, (stage,)).configuration.stages[0]
    assert (choice.variant, choice.batch, choice.replicas) == (1, 2, 2)
