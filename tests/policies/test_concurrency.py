"""What a stage holds and the windows over it, by hand."""

from __future__ import annotations

import pytest

from ipa_gym.policies.concurrency import ongoing_requests, window_mean, younger_than
from tests.policies.conftest import stage_seen


def test_requests_wait_or_are_served() -> None:
    # 3 wait; two replicas that hold 4 each were busy half of the time.
    assert ongoing_requests(stage_seen(queue_requests=3, replicas=2, batch=4, utilisation=0.5)) == 7.0


def test_starting_replicas_hold_nothing() -> None:
    assert ongoing_requests(stage_seen(replicas=1, starting=5, utilisation=1.0)) == 1.0


def test_the_float32_observation_adds_no_fraction_of_a_request() -> None:
    utilisation = float.fromhex("0x1.333334p-1")  # 0.6 as a float32, a little above
    assert ongoing_requests(stage_seen(replicas=10, batch=2, utilisation=utilisation)) == 12.0


def test_a_window_ends_before_the_sample_of_its_own_age() -> None:
    samples = [(0.0, 9.0), (10.0, 3.0), (20.0, 2.0), (30.0, 1.0)]
    assert younger_than(samples, 30.0, now_s=30.0) == samples[1:]
    assert window_mean(samples, 30.0, now_s=30.0) == 2.0  # (3 + 2 + 1) / 3
    assert window_mean(samples, 30.1, now_s=30.0) == 3.75


def test_a_window_shorter_than_an_interval_is_the_newest_sample() -> None:
    assert window_mean([(0.0, 9.0), (10.0, 3.0)], 6.0, now_s=10.0) == 3.0


def test_a_window_of_no_length_is_the_newest_sample() -> None:
    assert window_mean([(0.0, 9.0), (10.0, 3.0)], 1e-12, now_s=10.0) == 3.0


def test_three_samples_of_2_s_fill_a_window_of_6_s() -> None:
    assert window_mean([(2.0, 90.0), (4.0, 1.0), (6.0, 2.0), (8.0, 6.0)], 6.0, now_s=8.0) == 3.0


def test_a_window_that_is_not_full_yet_is_the_mean_of_what_there_is() -> None:
    assert window_mean([(10.0, 4.0), (20.0, 2.0)], 60.0, now_s=20.0) == 3.0


@pytest.mark.parametrize("step_s", [0.1, 0.3, 0.7])
def test_sums_of_fractions_do_not_move_the_edge(step_s: float) -> None:
    samples = [(k * step_s, float(k)) for k in range(11)]
    assert younger_than(samples, 10 * step_s, now_s=10 * step_s)[0] == samples[1]
