from pytest import approx, mark

from mnist_deploy.benchmark.comparison import sole_winner
from mnist_deploy.decisions.parting import Parting, more_accurate, times
from mnist_deploy.decisions.recommendation import candidates, recommend
from mnist_deploy.decisions.records import Candidate, Prefer, Wishes
from tests.records import NOISY, QUIET, RACE, race, rival


def two(first: float, second: float, **changes: object) -> list[Candidate]:
    rivals = [rival("mlp-relu-128", "tflite", name, "litert", p50, **changes)
              for name, p50 in (("int8", first), ("float32", second))]  # fmt: skip
    return candidates(race(*rivals))


def with_accuracy(first: float | None, second: float | None) -> list[Candidate]:
    rivals = [rival("mlp-relu-128", "tflite", name, "litert", 1e-6, accuracy=value or 0, passed=value and True)
              for name, value in (("int8", first), ("float32", second))]  # fmt: skip
    return candidates(race(*rivals))


# Newcombe's method 10 by hand from the Wilson intervals of 10,000 images: at 0.99 they reach 0.0021 down and at 0.98
# 0.0028 up, so 0.35 points are what must be exceeded there.
@mark.parametrize(
    ("one", "other", "expected"),
    [
        (0.9903, 0.9902, False),
        (0.9900, 0.9800, True),
        (0.9830, 0.9800, False),
        (0.9845, 0.9800, True),
        (0.98, 0.99, False),
        (None, 0.5, False),
        (0.5, None, False),
    ],
)
def test_accuracies_are_parted_beyond_chance_only(one: float | None, other: float | None, expected: bool) -> None:
    first, second = with_accuracy(one, other)
    assert more_accurate(first, second) is expected


def test_with_verdicts_ties_are_what_no_verdict_parts() -> None:
    parting = Parting.of(RACE)
    chosen, near, far = (candidates(race(*[rival("mlp-relu-128", "onnx", name, "litert", p50, drift=drift)
                                           for name, p50, drift in ROWS])))  # fmt: skip
    assert parting.ties(chosen, [near, far], Prefer.LATENCY) == [near]
    assert times(far, chosen, Prefer.LATENCY).centre == approx(1.2)


ROWS = [
    ("int8", 1.0e-6, (-0.01, 0.01, 0.0, 0.01, -0.01)),
    ("dynamic", 1.2e-6, (-0.3, 0.3, 0.0, 0.2, -0.2)),  # restless
    ("float32", 1.2e-6, (-0.01, 0.01, 0.0, 0.01, -0.01)),
]


def test_what_one_comparison_would_part_many_do_not() -> None:
    """Holm's correction: p of about 0.03 for each is enough for one rival, not for twenty."""
    drift = (-0.11, -0.055, 0.0, 0.06, 0.12)
    still = rival("mlp-relu-128", "tflite", "int8", "litert", 1e-6, drift=(0, 0, 0, 0, 0))
    rivals = [rival(f"network-{number}", "tflite", "int8", "litert", 1.2e-6, drift=drift) for number in range(20)]
    assert len(recommend(race(still, rivals[0]), Wishes()).tied) == 0
    assert len(recommend(race(still, *rivals), Wishes()).tied) == 20


@mark.parametrize("second", [1.0e-6, 1.02e-6, 1.1e-6, 2e-6])
def test_without_ties_the_chosen_is_the_sole_winner_of_the_benchmark(second: float) -> None:
    restless = rival("mlp-relu-128", "tflite", "int8", "litert", 1e-6, drift=(0.02, 0, -0.02, 0.01, 0))
    rows = race(restless, rival("mlp-relu-128", "tflite", "float32", "litert", second, drift=[0] * 5))
    found = recommend(rows, Wishes())
    winner = sole_winner([one.series for one in candidates(rows)])
    assert (winner is not None) == (not found.tied)


def test_without_verdicts_ties_are_what_figures_cannot_part() -> None:
    none = {"latency_quiet_low_s": None, "latency_quiet_high_s": None}
    twin = Parting.of(race(noise=NOISY))
    assert twin.undecided == NOISY.no_verdicts and twin.margin == approx(0.17), "what the twin differs from itself by"
    chosen, other = two(1e-6, 1.16e-6, **none)
    assert twin.ties(chosen, [other], Prefer.LATENCY) == [other]
    chosen, other = two(1e-6, 1.18e-6, **none)
    assert twin.ties(chosen, [other], Prefer.LATENCY) == []
    # Each interval of these records reaches 2 % down and 3 % up.
    quiet = Parting.of(race(noise=QUIET.model_copy(update={"no_verdicts": "too few passes", "twin_ratio": None})))
    assert quiet.margin == 0.03
    chosen, other = two(1e-6, 1.05e-6)
    assert quiet.ties(chosen, [other], Prefer.LATENCY) == [other], "the intervals meet"
    chosen, other = two(1e-6, 1.06e-6)
    assert quiet.ties(chosen, [other], Prefer.LATENCY) == []
    assert quiet.faster(chosen, other, Prefer.LATENCY) and not quiet.faster(other, chosen, Prefer.LATENCY)


def test_throughput_compares_across_batch_sizes_by_the_time_of_an_image() -> None:
    rows = race(
        rival("mlp-relu-128", "tflite", "int8", "litert", 1e-6),
        rival("mlp-relu-128", "tflite", "float32", "litert", 10e-6, batch_size=20, threads=2),
    )
    one, many = candidates(rows)
    assert times(one, many, Prefer.THROUGHPUT).centre == approx(2)
    assert times(one, many, Prefer.LATENCY).centre == approx(0.1)
    assert Parting.of(rows).faster(many, one, Prefer.THROUGHPUT)


@mark.parametrize(
    ("change", "expected"),
    [
        ({"size_bytes": 80_000}, True),
        ({"size_bytes": 95_000}, False),
        ({"memory_bytes": 8_000_000}, True),
        ({"memory_bytes": 10_000_000}, False),
        ({}, False),
    ],
)
def test_a_gain_is_a_tenth_less_of_anything(change: dict[str, int], expected: bool) -> None:
    plain = {"size_bytes": 100_000, "memory_bytes": 10_400_000}
    rows = race(
        rival("mlp-relu-128", "tflite", "int8", "litert", 1e-6, **plain),
        rival("mlp-relu-128", "tflite", "float32", "litert", 2e-6, **plain | change),
    )
    over, one = candidates(rows)
    assert Parting.of(rows).gains(one, over, Prefer.LATENCY) is expected
    assert Parting.of(rows).gains(over, one, Prefer.LATENCY), "it is faster"
