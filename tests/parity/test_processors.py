import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mnist_deploy.artifacts import EXACT_KERNELS, ProcessorCheck
from mnist_deploy.parity.processors import (
    changed_allowed,
    largest_difference,
    named,
    nearest_to_a_tie,
    processor_failures,
)


def check(changed: int, test_images: int = 10_000, processor: str = "Haswell", **changes: object) -> ProcessorCheck:
    plain: dict[str, object] = {
        "processor": processor, "emulator": "QEMU 7.2", "compared_with": "A CPU (avx512_vnni)",
        "runtime": "onnxruntime", "runtime_version": "1.32.0", "images": 300, "test_images": test_images,
        "changed": changed, "max_abs_difference": 0.1, "flips": 5, "flips_here": 2,
    }  # fmt: skip
    return ProcessorCheck.model_validate(plain | changes)


@pytest.mark.parametrize(("images", "allowed"), [(10_000, 10), (2_000, 2), (1_999, 1), (100, 1), (1, 1)])
def test_one_class_in_a_thousand_may_change(images: int, allowed: int) -> None:
    assert changed_allowed(images) == allowed
    assert not processor_failures(check(allowed, images))
    (reason,) = processor_failures(check(allowed + 1, images))
    assert f"{allowed + 1} of the 300 images" in reason and "on Haswell than on A CPU (avx512_vnni)" in reason


def test_a_failure_names_exact_kernels_and_scores_that_are_no_numbers() -> None:
    (reason,) = processor_failures(check(11, processor=EXACT_KERNELS, emulator=None))
    assert "another class with exact kernels than on" in reason
    assert processor_failures(check(0, max_abs_difference=None)) == ["a score is not a finite number"]


def test_a_row_is_named_and_judged() -> None:
    names = {"architecture": "mlp-relu-128", "format": "onnx", "precision": "int8", "variant": "standard",
             "runtime": "onnxruntime", "device": "cpu"}  # fmt: skip
    row = named(check(11), names, "1" * 64, "2" * 64)
    assert not row.passed and row.failures and row.processor_label == "Haswell, emulated"
    assert named(check(10), names, "1" * 64, "2" * 64).passed


def test_images_nearest_to_a_tie_come_first() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.4, 0.0, 0.6], [0.5, 0.0, 0.5]], np.float32)
    assert nearest_to_a_tie(scores).tolist() == [1, 3, 2, 0]


@given(arrays.arrays(np.float32, (20, 10), elements=st.floats(0, 1, width=32)))
def test_every_image_comes_once_and_gaps_never_fall(scores: np.ndarray) -> None:
    order = nearest_to_a_tie(scores)
    highest = np.sort(scores[order], axis=1)
    gaps = highest[:, -1] - highest[:, -2]
    assert sorted(order.tolist()) == list(range(20)) and (np.diff(gaps) >= 0).all()


def test_the_largest_difference_of_a_score() -> None:
    here = np.zeros((3, 10), np.float32)
    there = here.copy()
    there[2, 4] = -0.25
    assert largest_difference(there, here) == 0.25
    there[0, 0] = np.nan
    assert largest_difference(there, here) is None
