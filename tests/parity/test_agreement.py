import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mnist_deploy.parity import GATES, Agreement, Flip, compare, failures


def one_hot(answers: list[int]) -> np.ndarray:
    return np.eye(10, dtype=np.float32)[answers]


def test_known_figures() -> None:
    labels = np.array([0, 1, 2, 3, 4], np.uint8)
    reference = one_hot([0, 1, 2, 9, 9])
    scores = one_hot([0, 1, 5, 3, 8]) * np.float32(0.5)
    found = compare(scores, reference, labels, singles=one_hot([0, 2]))
    assert (found.images, found.accuracy, found.reference_accuracy, found.accuracy_change) == (5, 0.6, 0.6, 0.0)
    assert [(flip.image, flip.label, flip.reference, flip.answer) for flip in found.flips] == [
        (2, 2, 2, 5),
        (3, 3, 9, 3),
        (4, 4, 9, 8),
    ]
    assert (found.lost, found.gained, found.altered) == ([found.flips[0]], [found.flips[1]], [found.flips[2]])
    assert found.top1_agreement == pytest.approx(0.4) and found.mcnemar_p == 1
    # Two answers are halved (2 x 0.5), three are elsewhere (3 x (1 + 0.5)), of 50 scores.
    assert found.max_abs_error == 1 and found.mean_abs_error == pytest.approx(5.5 / 50)
    assert (found.single_images, found.single_changes) == (2, 1)
    assert found.accuracy_low < 0.6 < found.accuracy_high
    assert found.accuracy_kept_low == pytest.approx(1 + found.accuracy_change_low / 0.6)


@given(arrays.arrays(np.float32, (7, 10), elements=st.floats(0, 1, width=32)))
def test_scores_agree_with_themselves(scores: np.ndarray) -> None:
    found = compare(scores, scores, np.zeros(7, np.uint8), scores)
    assert (found.accuracy_change, found.top1_agreement, found.max_abs_error, found.mean_kl) == (0, 1, 0, 0)
    assert found.flips == found.lost == found.gained == found.altered == [] and found.single_changes == 0


def _images(flips: list[Flip]) -> list[int]:
    return [flip.image for flip in flips]


@given(arrays.arrays(np.float32, (2, 9, 10), elements=st.floats(0, 1, width=32)))
def test_figures_turn_with_their_sides(pair: np.ndarray) -> None:
    labels = np.arange(9, dtype=np.uint8)
    forth, back = compare(pair[0], pair[1], labels), compare(pair[1], pair[0], labels)
    assert forth.accuracy_change == -back.accuracy_change
    sides = [(_images(one.lost), _images(one.gained), _images(one.altered)) for one in (forth, back)]
    assert sides[0] == (sides[1][1], sides[1][0], sides[1][2])
    assert (
        len(forth.flips)
        == len(forth.lost) + len(forth.gained) + len(forth.altered)
        == round(9 * (1 - forth.top1_agreement))
    )
    assert forth.max_abs_error == back.max_abs_error and forth.mcnemar_p == back.mcnemar_p


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("gate", GATES)
def test_a_score_that_is_no_number_fails_every_gate(value: float, gate: str) -> None:
    reference = one_hot([1] * 20_000)
    scores = reference.copy()
    scores[7, 3 if value < 0 else 1] = value
    found = compare(scores, reference, np.ones(20_000, np.uint8))
    assert "a score is not a finite number" in failures(found, GATES[gate])
    assert Agreement.model_validate_json(found.model_dump_json()) == found, "unknown is null, in files too"
    assert json.loads(found.model_dump_json())["max_abs_error"] is None


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        compare(one_hot([1, 2]), one_hot([1]), np.array([1], np.uint8))
