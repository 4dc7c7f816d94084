"""Actions: encoding, decoding, their errors, and masks worked by hand on the toy pipeline."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipa_gym.action import ActionLayout
from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Configuration, Stage, StageConfiguration, Variant
from tests.conftest import toy_pipeline


def test_decode_reads_variant_batch_and_replicas(toy) -> None:
    layout = ActionLayout(toy)
    assert layout.nvec.tolist() == [2, 3, 10, 2, 3, 10]
    decoded = layout.decode(np.array([1, 2, 0, 0, 0, 9]))
    assert decoded == Configuration((StageConfiguration(1, 4, 1), StageConfiguration(0, 1, 10)))


@given(st.data())
def test_encode_is_the_inverse_of_decode(data: st.DataObject) -> None:
    layout = ActionLayout(toy_pipeline())
    action = np.array([data.draw(st.integers(0, int(size) - 1)) for size in layout.nvec])
    assert layout.encode(layout.decode(action)).tolist() == action.tolist()


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.array([0, 3, 0, 0, 0, 0]), r"action\[1\] \(batch of stage 1\) is 3; expected 0 to 2"),
        (np.array([0, 0, 0, 0, 0, 10]), r"action\[5\] \(replicas of stage 2\) is 10; expected 0 to 9"),
        (np.array([0, 0, 0, -1, 0, 0]), r"action\[3\] \(variant of stage 2\) is -1"),
        (np.zeros(5, dtype=int), r"shape \(5,\)"),
        (np.zeros(6), "float64"),
    ],
)
def test_bad_actions_name_what_is_wrong(toy, action, message) -> None:
    with pytest.raises(OptionError, match=message):
        ActionLayout(toy).decode(action)


def test_masks_rule_out_dominated_variants_useless_batches_and_idle_replicas() -> None:
    # "worse" has the same cores and latency as "fast" but less accuracy: it can never pay.
    fast = Variant("fast", 70.0, 1.0, 1.0, (1, 2, 4), (0.1, 0.2, 0.4))
    worse = Variant("worse", 60.0, 1.0, 1.0, (1, 2, 4), (0.1, 0.2, 0.4))
    toy = toy_pipeline(stages=(Stage("only", (worse, fast)),))
    variants, batches, replicas = ActionLayout(toy).masks(20.0, 10.0)
    assert variants.tolist() == [False, True]
    assert batches.tolist() == [True, False, False]  # latency proportional to the batch: throughput never rises
    assert replicas.sum() == 3  # 20 rps x (10 s + 4 s drop limit) x 0.1 s / 10 s = 2.8 replicas


def test_without_a_drop_limit_any_number_of_replicas_may_pay() -> None:
    layout = ActionLayout(toy_pipeline(drop_after_s=float("inf")))
    assert layout.masks(10.0, 10.0)[2].all()


def test_many_decisions_become_the_actions_that_each_of_them_is(toy) -> None:
    chosen = np.array([[[1, 4, 3], [0, 1, 10]], [[0, 2, 1], [1, 4, 2]]])
    assert ActionLayout(toy).encode_many(chosen).tolist() == [[1, 2, 2, 0, 0, 9], [0, 1, 0, 1, 2, 1]]
