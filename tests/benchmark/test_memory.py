import pytest

from mnist_deploy.benchmark import memory
from mnist_deploy.runtimes.base import nvidia_gpu_present


@pytest.mark.skipif(nvidia_gpu_present(), reason="needs a machine without an NVIDIA GPU")
def test_without_a_gpu_its_memory_is_unknown_not_zero() -> None:
    assert memory.device_bytes() is None


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ((1000, 1400, 1400, 1450), 450),  # the library's context and pool, then the model
        ((1000, 1400, 2400, 2450), 450),  # models that were loaded before are not this one's
        ((1000, 1400, 1400, 1400), 400),  # the model found room in the library's pool
        ((1000, 900, 900, 900), 0),  # another process let go of more than this one took
        ((None, None, None, None), None),
        ((1000, 1400, None, 1450), None),  # a reading that failed leaves nothing to tell
    ],
)
def test_what_a_model_takes_of_the_gpu(readings: tuple[int | None, ...], expected: int | None) -> None:
    assert memory.device_grown(*readings) == expected
