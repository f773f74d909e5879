import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mnist_deploy.artifacts import Precision
from mnist_deploy.parity import LIMITS, Agreement, Limits, compare, failures

EXACT = LIMITS[Precision.FLOAT32]


def one_hot(answers: list[int]) -> np.ndarray:
    return np.eye(10, dtype=np.float32)[answers]


def test_known_figures() -> None:
    labels = np.array([0, 1, 2, 3], np.uint8)
    reference = one_hot([0, 1, 2, 9])
    scores = one_hot([0, 1, 5, 3]) * np.float32(0.5)
    found = compare(scores, reference, labels)
    assert found == Agreement(accuracy=0.75, accuracy_change=0.0, top1_agreement=0.5, max_abs_error=1.0)


@given(arrays.arrays(np.float32, (7, 10), elements=st.floats(0, 1, width=32)))
def test_scores_agree_with_themselves(scores: np.ndarray) -> None:
    labels = np.zeros(7, np.uint8)
    found = compare(scores, scores, labels)
    assert (found.accuracy_change, found.top1_agreement, found.max_abs_error) == (0, 1, 0)
    assert all(not failures(found, limits) for limits in LIMITS.values())


@given(arrays.arrays(np.float32, (2, 9, 10), elements=st.floats(0, 1, width=32)))
def test_figures_stay_in_their_ranges(pair: np.ndarray) -> None:
    labels = np.arange(9, dtype=np.uint8)
    forth, back = compare(pair[0], pair[1], labels), compare(pair[1], pair[0], labels)
    assert forth.accuracy_change == -back.accuracy_change
    assert forth.top1_agreement == back.top1_agreement and 0 <= forth.top1_agreement <= 1
    assert forth.max_abs_error == back.max_abs_error


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("precision", Precision)
def test_a_score_that_is_no_number_fails_every_precision(value: float, precision: Precision) -> None:
    reference = one_hot([1] * 20_000)
    scores = reference.copy()
    scores[7, 3] = value if not np.isinf(value) else -value  # neither moves the answer
    scores[8, 1] = 1.0
    found = compare(np.where(np.isnan(scores), np.float32(np.nan), scores), reference, np.ones(20_000, np.uint8))
    assert failures(found, LIMITS[precision])


@pytest.mark.parametrize(
    ("agreement", "words"),
    [
        (Agreement(0.9, 0.0, 1.0, 2e-4), "max abs error 0.0002 > 0.0001"),
        (Agreement(0.9, 0.0, 0.99, 0.0), "top-1 agreement 0.9900 < 0.9999"),
        (Agreement(0.9, -0.01, 1.0, 0.0), "accuracy change -0.0100 < -0.0001"),
    ],
)
def test_each_limit_fails_alone_and_says_so(agreement: Agreement, words: str) -> None:
    assert failures(agreement, EXACT) == [words]


def test_on_the_limit_passes() -> None:
    limits = Limits(0.5, 0.25, 0.5, "binary fractions are exact")
    assert not failures(Agreement(0.5, -0.5, 0.25, 0.5), limits)


def test_better_accuracy_is_no_failure() -> None:
    assert not failures(Agreement(0.99, 0.05, 1.0, 0.0), EXACT)


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        compare(one_hot([1, 2]), one_hot([1]), np.array([1], np.uint8))


def test_every_precision_has_limits_with_a_reason_and_fewer_bits_have_wider_ones() -> None:
    assert set(LIMITS) == set(Precision)
    assert all(limits.reason for limits in LIMITS.values())
    assert [LIMITS[one].min_top1_agreement for one in Precision] == sorted(
        (LIMITS[one].min_top1_agreement for one in Precision), reverse=True
    )
