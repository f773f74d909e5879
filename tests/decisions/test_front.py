from hypothesis import given
from hypothesis import strategies as st
from pytest import mark

from mnist_deploy.decisions.front import beats, pareto_front, single_calls
from mnist_deploy.decisions.recommendation import candidates
from mnist_deploy.decisions.records import Candidate
from tests.records import RACE, RECORDS, race, rival


def candidate(
    name: str, p50: float, accuracy: float, size_bytes: int, *, passed: bool | None = True, **changes: object
) -> Candidate:
    row = rival(name, "tflite", "int8", "litert", p50, accuracy=accuracy, passed=passed, size_bytes=size_bytes,
                **changes)  # fmt: skip
    return candidates(race(row))[0]


def names(rows: list[Candidate]) -> list[str]:
    return [row.measurement.architecture for row in rows]


def test_a_known_front() -> None:
    rows = [
        candidate("accurate", 30e-6, 0.992, 400_000),
        candidate("beaten in all", 31e-6, 0.95, 500_000),
        candidate("fast", 2e-6, 0.95, 100_000),
        candidate("small", 9e-6, 0.97, 40_000),
        candidate("larger, else as the small one", 9e-6, 0.97, 60_000),
        candidate("fastest, but failed its gate", 1e-6, 0.99, 10_000, passed=False),
        candidate("fastest, but not verified", 1e-6, 0.99, 10_000, passed=None),
    ]
    assert names(pareto_front(rows)) == ["fast", "small", "accurate"]
    assert names(pareto_front(rows[::-1])) == ["fast", "small", "accurate"]


# 0.35 points of accuracy are within chance at 0.98 of 10,000 images (see test_parting), and times and sizes are equal
# below 3 %: each of these is better only by noise, and worse by more.
@mark.parametrize(
    ("p50", "accuracy", "size_bytes"),
    [
        (0.98e-6, 0.95, 100_000),  # the fastest network of a run, by 2 %, that is 3 points less accurate
        (1.00e-6, 0.9545, 99_905),  # 95 bytes smaller and 2.55 points worse
        (2.00e-6, 0.9820, 100_000),  # more accurate by chance, and twice as slow
        (1.00e-6, 0.9800, 103_000),
        (1.03e-6, 0.9800, 100_000),
    ],
)
def test_noise_puts_nothing_on_the_front(p50: float, accuracy: float, size_bytes: int) -> None:
    good = candidate("good", 1e-6, 0.98, 100_000)
    other = candidate("better by noise alone", p50, accuracy, size_bytes)
    assert names(pareto_front([good, other])) == ["good"]


def test_what_only_noise_tells_apart_stays_together() -> None:
    rows = [candidate("first", 1e-6, 0.98, 100_000), candidate("second", 1.02e-6, 0.981, 99_000)]
    assert names(pareto_front(rows)) == ["first", "second"]


def test_only_one_call_with_the_fewest_images_and_threads_takes_part() -> None:
    rows = [
        candidate("one image", 9e-6, 0.98, 100_000),
        candidate("two threads", 1e-6, 0.98, 100_000, threads=2),
        candidate("a batch", 1e-6, 0.98, 100_000, batch_size=256, threads=1),
    ]
    assert names(single_calls(rows)) == names(pareto_front(rows)) == ["one image"]
    assert single_calls([]) == pareto_front([]) == []


def test_across_the_networks_of_a_run() -> None:
    front = pareto_front(candidates(RACE))
    assert [(row.measurement.architecture, row.measurement.precision) for row in front] == [
        ("mlp-tanh-128", "int8"),
        ("mlp-tanh-128", "dynamic"),
        ("cnn-relu-16-32", "dynamic"),
    ]
    assert pareto_front(candidates(RECORDS.model_copy(update={"parity": []}))) == []


FIGURES = st.tuples(st.integers(10, 30), st.integers(9000, 9990), st.integers(10, 30))


@given(st.lists(FIGURES, min_size=2, max_size=6))
def test_what_is_best_in_one_figure_is_on_the_front_and_what_is_worst_in_all_is_not(
    figures: list[tuple[int, int, int]],
) -> None:
    """Beyond chance are 4 points of accuracy (400 of 10,000 images) everywhere from 0.90 up."""
    rows = [candidate(str(number), p50 * 1e-6, right / 10_000, size * 1000)
            for number, (p50, right, size) in enumerate(figures)]  # fmt: skip
    front = names(pareto_front(rows))
    for number, (p50, right, size) in enumerate(figures):
        others = [row for place, row in enumerate(figures) if place != number]
        if all(p50 * 1.04 < row[0] for row in others) or all(right > row[1] + 400 for row in others):
            assert str(number) in front
        if any(row[0] * 1.04 < p50 and row[1] > right + 400 and row[2] * 1.04 < size for row in others):
            assert str(number) not in front
    assert not any(beats(row, other) and beats(other, row) for row in rows for other in rows)
