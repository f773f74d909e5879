import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mnist_deploy.benchmark import roofline
from mnist_deploy.benchmark.roofline import BLAS_THREADS, LOOKS, WORKING_SETS_BYTES, Roof, best, roof
from mnist_deploy.errors import UnavailableError

ROOF = Roof(threads=1, peak_flops_per_s=100.0, bandwidth_bytes_per_s={1000: 50.0, 10: 200.0, 100: 80.0})
RATES = st.floats(1, 1e15)
AMOUNTS = st.floats(1, 1e15)
ROOFS = st.builds(
    Roof,
    threads=st.integers(1, 64),
    peak_flops_per_s=RATES,
    bandwidth_bytes_per_s=st.dictionaries(st.integers(1, 10**12), RATES, min_size=1, max_size=5),
)


@pytest.mark.parametrize(
    ("working_set", "expected"), [(1, 200), (10, 200), (11, 80), (100, 80), (101, 50), (1000, 50), (10**9, 50)]
)
def test_bandwidth_is_that_of_the_smallest_measured_set_that_holds_it(working_set: int, expected: float) -> None:
    assert ROOF.bandwidth_for(working_set) == expected


@pytest.mark.parametrize(
    ("flops", "traffic", "expected"),
    [
        (2, 10, 40),  # a fifth of an operation a byte, 200 bytes/s: under the slope
        (5, 10, 100),  # at the ridge
        (50, 10, 100),  # under the flat
        (50, 100, 40),  # half an operation a byte, 80 bytes/s
        (1000, 2000, 25),  # beyond the largest set: 50 bytes/s
    ],
)
def test_known_attainable(flops: float, traffic: float, expected: float) -> None:
    assert ROOF.attainable(flops, traffic) == pytest.approx(expected)


def test_known_share() -> None:
    assert ROOF.share(50, 100, seconds=5) == pytest.approx(10 / 40)
    assert ROOF.share(50, 10, seconds=0.5) == pytest.approx(1)


@given(ROOFS, AMOUNTS, AMOUNTS)
def test_attainable_is_under_both_roofs(one: Roof, flops: float, traffic: float) -> None:
    found = one.attainable(flops, traffic)
    assert 0 < found <= one.peak_flops_per_s
    assert found <= flops / traffic * max(one.bandwidth_bytes_per_s.values())


@given(ROOFS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_more_operations_on_the_same_bytes_never_lower_the_roof(one: Roof, a: float, b: float, traffic: float) -> None:
    assert one.attainable(min(a, b), traffic) <= one.attainable(max(a, b), traffic)


@given(RATES, RATES, AMOUNTS, AMOUNTS, AMOUNTS)
def test_more_bytes_never_raise_the_roof(peak: float, rate: float, flops: float, a: float, b: float) -> None:
    one = Roof(threads=1, peak_flops_per_s=peak, bandwidth_bytes_per_s={10**3: rate * 4, 10**6: rate})
    assert one.attainable(flops, max(a, b)) <= one.attainable(flops, min(a, b))


@given(ROOFS, AMOUNTS, AMOUNTS)
def test_the_attainable_rate_is_a_share_of_one(one: Roof, flops: float, traffic: float) -> None:
    assert one.share(flops, traffic, flops / one.attainable(flops, traffic)) == pytest.approx(1)


def test_json_gives_the_same_roof() -> None:
    assert Roof.model_validate_json(ROOF.model_dump_json()) == ROOF


@pytest.mark.parametrize(("peak", "bandwidths"), [(0.0, {1: 1.0}), (1.0, {}), (1.0, {1: float("inf")})])
def test_a_roof_that_nobody_can_have_measured(peak: float, bandwidths: dict[int, float]) -> None:
    with pytest.raises(ValidationError):
        Roof(threads=1, peak_flops_per_s=peak, bandwidth_bytes_per_s=bandwidths)


@dataclass(frozen=True)
class Measured:
    found: Roof
    folder: Path
    seconds: float

    @property
    def file(self) -> Path:
        (file,) = self.folder.iterdir()
        return file


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    folder = tmp_path_factory.mktemp("cache") / "made when needed"
    began = time.perf_counter()
    for _ in range(LOOKS):
        found = roof(1, folder)
    return Measured(found, folder, (time.perf_counter() - began) / LOOKS)


def test_measurement(measured: Measured) -> None:
    assert (measured.found.threads, measured.found.looks) == (1, LOOKS)
    assert tuple(measured.found.bandwidth_bytes_per_s) == WORKING_SETS_BYTES


PRODUCT_AGAIN = """
import time
import numpy as np
from mnist_deploy.benchmark import roofline
roofline.WORKING_SETS_BYTES = (256 * 1024**2,)
found = roofline.measure(1)
matrix = np.ones((2048, 2048), np.float32)
times = []
while sum(times) < 1:
    began = time.perf_counter()
    matrix @ matrix
    times.append(time.perf_counter() - began)
print(found.share(2 * 2048**3, 3 * matrix.nbytes, min(times)))
"""


def test_the_measured_matrix_product_reaches_its_roof() -> None:
    one_thread = {**os.environ, **dict.fromkeys(BLAS_THREADS, "1")}
    command = [sys.executable, "-c", PRODUCT_AGAIN]
    done = subprocess.run(command, env=one_thread, capture_output=True, text=True, check=True)
    assert 0.3 < float(done.stdout) < 1.3


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_bandwidth_is_about_that_of_a_sum(threads: int) -> None:
    # numpy's sum reads with one thread and adds more than it must: slower, but not by orders.
    array = np.ones(2**20, np.float32)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        array.sum()
        times.append(time.perf_counter() - began)
    assert 0.5 < roofline._bandwidth(array.nbytes, threads) / (array.nbytes / min(times)) < 100 * threads


def test_what_was_looked_at_often_enough_comes_from_the_cache(measured: Measured) -> None:
    before = measured.file.stat().st_mtime_ns
    began = time.perf_counter()
    assert roof(1, measured.folder) == measured.found
    assert time.perf_counter() - began < measured.seconds / 10
    assert measured.file.stat().st_mtime_ns == before


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of threads that were measured, at no cost."""
    asked: list[int] = []

    def measured_apart(threads: int) -> Roof:
        asked.append(threads)
        return ROOF.model_copy(update={"threads": threads})

    monkeypatch.setattr(roofline, "_measured_apart", measured_apart)
    return asked


def test_each_number_of_threads_is_looked_at_three_times(counted: list[int], tmp_path: Path) -> None:
    found = [roof(threads, tmp_path) for _ in range(LOOKS + 2) for threads in (1, 2)]
    assert [one.threads for one in found] == [1, 2] * (LOOKS + 2)
    assert [one.looks for one in found] == [1, 1, 2, 2, 3, 3, 3, 3, 3, 3]
    assert counted == [1, 2] * LOOKS


def test_the_better_of_two_looks_counts() -> None:
    other = Roof(threads=1, peak_flops_per_s=120.0, bandwidth_bytes_per_s={10: 150.0, 100: 90.0, 1000: 50.0}, looks=2)
    found = best(ROOF, other)
    assert found == best(other, ROOF)
    assert (found.peak_flops_per_s, found.bandwidth_bytes_per_s, found.looks) == (120, {10: 200, 100: 90, 1000: 50}, 3)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"{}", b'{"threads":1,"peak_flops_per_s":-1}'])
def test_damaged_cache_is_replaced(damage: bytes, counted: list[int], tmp_path: Path) -> None:
    roof(1, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    assert roof(1, tmp_path) == ROOF
    assert counted == [1, 1]
    assert Roof.model_validate_json(file.read_text(encoding="utf-8")) == ROOF


def test_cache_that_cannot_be_written(counted: list[int], tmp_path: Path) -> None:
    file = tmp_path / "no folder"
    file.write_text("something else", encoding="utf-8")
    assert roof(1, file) == roof(1, file / "below") == ROOF
    assert counted == [1, 1]
    assert file.read_text(encoding="utf-8") == "something else"


def test_another_numpy_is_measured_anew(counted: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roof(1, tmp_path)
    monkeypatch.setattr(np, "__version__", "99.0")
    roof(1, tmp_path)
    assert counted == [1, 1]


def test_failed_measurement_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"roofline of 0 threads could not be measured: \w"):
        roof(0, tmp_path)
    assert not list(tmp_path.iterdir())
