import numpy as np
import pytest

from mnist_deploy.artifacts import Precision
from mnist_deploy.parity import GATES, PRESETS, STRICT, Agreement, Gate, applied, changed, compare, failures, warnings
from mnist_deploy.parity.gates import BFLOAT16, LIMITS


def agreement(lost: int = 0, gained: int = 0, images: int = 10_000, wrong: int = 500, **changes: object) -> Agreement:
    """What comes of so many changed images, by way of real scores."""
    labels = np.zeros(images, np.uint8)
    expected, answers = (np.zeros(images, np.int64) for _ in range(2))
    expected[:wrong] = answers[:wrong] = 1
    answers[:gained] = 0
    answers[wrong : wrong + lost] = 1
    eye = np.eye(10, dtype=np.float32)
    found = compare(eye[answers], eye[expected], labels, eye[answers[:1000]])
    return found.model_copy(update={"max_abs_error": 0.0, **changes})


OPEN = Gate(None, None, None, None, "asks for nothing")


@pytest.mark.parametrize(
    ("gate", "found", "words"),
    [
        (Gate(None, None, 1e-4, None, ""), agreement(max_abs_error=2e-4), "max abs error 0.0002 > 0.0001"),
        (Gate(None, 0.9999, None, None, ""), agreement(2), "top-1 agreement 0.9998 < 0.9999"),
        (Gate(None, None, None, 0.0, ""), agreement(single_changes=1),
         "1 of 1000 images get another answer one a call"),
        (Gate(0.999, None, None, None, ""), agreement(20),
         "keeps 99.789 % of the accuracy by point estimate, 99.708 % by the one-sided 95 % bound; the gate asks for "
         "99.900 %"),
        (Gate(0.999, None, None, None, ""), agreement(14, 5),
         "keeps 99.905 % of the accuracy by point estimate, 99.826 % by the one-sided 95 % bound; the gate asks for "
         "99.900 %"),
        (Gate(0.999, None, None, None, ""), agreement(0, 0, 2000, 100),
         "keeps 100.000 % of the accuracy by point estimate, 99.878 % by the one-sided 95 % bound; the gate asks for "
         "99.900 %; 2,000 images are too few to show it"),
        (Gate(0.999, None, None, None, ""), agreement(0, 0, 100, 100),
         "the reference has no image right, so no share of its accuracy can be kept"),
        (OPEN, agreement(max_abs_error=None), "a score is not a finite number"),
    ],
)  # fmt: skip
def test_each_limit_fails_alone_and_says_so(gate: Gate, found: Agreement, words: str) -> None:
    assert failures(found, gate) == [words]


def test_the_default_is_mlperfs_target_and_strict_its_higher_one() -> None:
    for name, gate in GATES.items():
        limited = name in {BFLOAT16, Precision.DYNAMIC, Precision.INT8}
        assert gate.accuracy_kept == (0.99 if limited else None)
        assert STRICT[name] == (changed(GATES, {(name, "accuracy_kept"): 0.999})[name] if limited else gate)
    assert PRESETS["strict"] == STRICT


def test_a_gate_asks_the_bound_and_not_the_point_estimate() -> None:
    """Both lose 9 images of 10,000, 0.09 %; only few changes show that it is no more than 0.1 %."""
    strict = STRICT[Precision.INT8]
    assert agreement(14, 5).accuracy >= 0.999 * 0.95 and failures(agreement(14, 5), strict)
    assert not failures(agreement(3, 3), strict) and not failures(agreement(9, 14), strict)
    # 90 of 9,500 right answers lost are 99.05 % kept, 99.9 % of them gained back or not.
    assert agreement(90).accuracy >= 0.99 * 0.95 and failures(agreement(90), GATES[Precision.INT8])
    assert not failures(agreement(75), GATES[Precision.INT8])


def test_far_from_keras_s_answers_fails_though_no_accuracy_is_lost() -> None:
    for name in (BFLOAT16, Precision.DYNAMIC, Precision.INT8):
        assert failures(agreement(150, 150), GATES[name]) == ["top-1 agreement 0.9700 < 0.99"]
        assert not failures(agreement(50, 50), GATES[name])


@pytest.mark.parametrize(
    ("case", "words"),
    [
        # The two-sided p is 2 / 2**8 for 8 of 8, and 2 / 2**7 for 7 of 7.
        (agreement(8), "accuracy fell by 0.08 points, not by chance (McNemar's exact p 0.0078)"),
        (agreement(40, 10), "accuracy fell by 0.30 points, not by chance (McNemar's exact p 2.4e-05)"),
        (agreement(7), None),
        (agreement(25, 25), None),
        (agreement(0, 40), None),
        (agreement(), None),
    ],
)
def test_a_fall_in_accuracy_that_is_certain_is_a_warning(case: Agreement, words: str | None) -> None:
    assert warnings(case) == ([] if words is None else [words])
    assert not failures(case, GATES[Precision.INT8])


def test_better_accuracy_is_no_failure() -> None:
    assert not failures(agreement(0, 40), GATES[Precision.INT8])


def test_on_the_limit_passes() -> None:
    gate = Gate(None, 0.9375, 0.25, 0.5, "binary fractions are exact")
    assert not failures(agreement(1, 0, 16, 4, max_abs_error=0.25, single_images=2, single_changes=1), gate)


def test_every_precision_has_a_gate_with_a_reason_and_fewer_bits_a_wider_one() -> None:
    assert set(GATES) == {*Precision, BFLOAT16}
    assert all(gate.reason for gate in GATES.values())
    least = [GATES[one].top1_agreement or 0 for one in Precision]
    assert least == sorted(least, reverse=True)


@pytest.mark.parametrize(
    ("precision", "arithmetic", "gate"),
    [
        (Precision.FLOAT32, None, "float32"), (Precision.FLOAT32, "float32", "float32"),
        (Precision.FLOAT32, "bfloat16", "bfloat16"), (Precision.FLOAT16, "bfloat16", "bfloat16"),
        (Precision.FLOAT32, "float16", "float16"), (Precision.FLOAT16, "float32", "float16"),
        (Precision.INT8, "bfloat16", "int8"), (Precision.DYNAMIC, "float32", "dynamic"),
    ],
)  # fmt: skip
def test_what_is_computed_in_fewer_bits_is_held_to_these(
    precision: Precision, arithmetic: str | None, gate: str
) -> None:
    assert applied(precision, arithmetic) == gate


def test_a_changed_limit_changes_nothing_else() -> None:
    made = changed(GATES, {("int8", "accuracy_kept"): 0.9, ("float32", "max_abs_error"): None})
    assert made["int8"].accuracy_kept == 0.9 and made["float32"].max_abs_error is None
    kept = {(name, limit): getattr(gate, limit) for name, gate in GATES.items() for limit in LIMITS}
    found = {(name, limit): getattr(gate, limit) for name, gate in made.items() for limit in LIMITS}
    assert {key for key in kept if kept[key] != found[key]} == {("int8", "accuracy_kept"), ("float32", "max_abs_error")}
