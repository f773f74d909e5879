from random import Random

from hypothesis import given
from hypothesis import strategies as st
from pytest import approx, mark, raises

from mnist_deploy.decisions.parting import Parting, order
from mnist_deploy.decisions.recommendation import RUNNERS_UP, candidates, recommend
from mnist_deploy.decisions.records import ACCURACY_DROP, PARITY, Candidate, Prefer, Recommendation, Wishes
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.results import Results
from tests.records import BIG, NOISY, QUIET, RACE, race, rival

# Whatever an accuracy is worth: the rules of the other limits are read off more candidates.
ANY = Wishes(max_accuracy_drop=None)


def name(one: Candidate | None) -> str:
    if one is None:
        return "-"
    row = one.measurement
    return f"{row.architecture} {row.format} {row.precision} {row.runtime} {row.batch_size}"


def names(some: list[Candidate]) -> list[str]:
    return [name(one) for one in some]


# ---- known answers


def test_the_fastest_that_passed_its_gate_is_chosen_and_the_faster_that_failed_is_named() -> None:
    found = recommend(RACE, ANY)
    assert name(found.chosen) == "mlp-tanh-128 tflite int8 litert 1"
    assert name(found.better_but_failed) == "mlp-relu-128 tflite int8 litert 1"
    assert names(found.tied) == ["mlp-tanh-128 tflite dynamic litert 1"], "0.7 % apart"
    assert (found.considered, found.fitting, found.excluded) == (8, 6, {PARITY: 2})
    assert (found.batch_size, found.batch_sizes, found.undecided) == (1, [1], None)


def test_gates_may_be_ignored() -> None:
    found = recommend(RACE, Wishes(ignore_gates=True, max_accuracy_drop=None))
    assert name(found.chosen) == "mlp-relu-128 tflite int8 litert 1" and found.better_but_failed is None
    assert found.fitting == 8 and found.excluded == {}
    assert "It failed its parity gate: top-1 agreement 0.9800 < 0.99." in found.cautions


def test_runners_up_are_the_next_what_gives_something_and_other_runtimes() -> None:
    found = recommend(RACE, ANY)
    assert names(found.runners_up) == [
        "mlp-tanh-128 tflite float32 litert 1",
        "mlp-tanh-128 onnx dynamic onnxruntime 1",
        "cnn-relu-16-32 tflite dynamic litert 1",
        "cnn-relu-16-32 openvino float32 openvino 1",
    ]


@mark.parametrize(
    ("wishes", "expected"),
    [
        (Wishes(min_accuracy=0.9903), "cnn-relu-16-32 tflite dynamic litert 1"),
        (Wishes(max_size_bytes=66_000), "cnn-relu-16-32 tflite dynamic litert 1"),
        (Wishes(max_latency_s=13e-6, min_accuracy=0.98), "cnn-relu-16-32 tflite dynamic litert 1"),
        (Wishes(), "cnn-relu-16-32 tflite dynamic litert 1"),
        (Wishes(max_accuracy_drop=0.0133), "mlp-tanh-128 tflite int8 litert 1"),
        (Wishes(max_accuracy_drop=0.0132), "cnn-relu-16-32 tflite dynamic litert 1"),
        (Wishes(max_latency_s=5e-6), "mlp-tanh-128 tflite int8 litert 1"),
        (Wishes(min_accuracy=0.95), "mlp-tanh-128 tflite int8 litert 1"),
        (Wishes(batch_size=256), "cnn-relu-16-32 tflite dynamic litert 256"),
        (Wishes(batch_size=256, max_accuracy_drop=None), "mlp-tanh-128 tflite int8 litert 256"),
        (Wishes(prefer=Prefer.SIZE), "cnn-relu-16-32 tflite dynamic litert 1"),
        (Wishes(prefer=Prefer.ACCURACY), "cnn-relu-16-32 tflite dynamic litert 1"),
        (Wishes(prefer=Prefer.THROUGHPUT, max_accuracy_drop=None), "mlp-tanh-128 tflite int8 litert 256"),
        (
            Wishes(prefer=Prefer.THROUGHPUT, max_latency_s=50e-6, max_accuracy_drop=None),
            "mlp-tanh-128 tflite int8 litert 1",
        ),
        (Wishes(min_throughput_images_per_s=1 / 2.9e-6), "mlp-tanh-128 tflite int8 litert 1"),
        (Wishes(max_install_bytes=138_000_000, max_accuracy_drop=None), "mlp-tanh-128 tflite int8 litert 1"),
    ],
)
def test_known_choices(wishes: Wishes, expected: str) -> None:
    assert name(recommend(RACE, wishes).chosen) == expected


def test_what_an_accuracy_is_counted_from_and_what_it_leaves_out() -> None:
    found = recommend(RACE, Wishes())
    assert (found.best_accuracy, found.best_within_limits) == (0.9903, 0.9903)
    assert (found.fitting, found.excluded) == (2, {PARITY: 2, ACCURACY_DROP: 4})
    assert {one.measurement.architecture for one in [*found.tied, *found.runners_up]} == {"cnn-relu-16-32"}
    assert found.better_but_failed is None, "it is less accurate by more than a point"
    limited = recommend(RACE, Wishes(max_latency_s=5e-6))
    assert (limited.best_accuracy, limited.best_within_limits) == (0.9903, 0.9770)
    assert limited.cautions == ["Its accuracy is 1.33 points below the best that was measured, 0.9903."]


def test_nothing_is_chosen_that_another_beats_in_everything_but_noise() -> None:
    """A file that is 95 bytes smaller, as fast, and 2.56 points worse."""
    worse = rival("mlp-relu-128", "tflite", "int8", "litert", 2.81e-6, accuracy=0.9521, size_bytes=108_605)
    better = rival("mlp-tanh-128", "tflite", "int8", "litert", 2.8e-6, accuracy=0.9777, size_bytes=108_700)
    wishes = Wishes(prefer=Prefer.SIZE, max_accuracy_drop=None)
    found = recommend(race(worse, better), wishes)
    assert name(found.chosen) == "mlp-tanh-128 tflite int8 litert 1"
    assert name(found.passed_over) == "mlp-relu-128 tflite int8 litert 1" and found.runners_up == []
    smaller = rival("mlp-relu-128", "tflite", "int8", "litert", 2.81e-6, accuracy=0.9521, size_bytes=100_000)
    assert name(recommend(race(smaller, better), wishes).chosen) == "mlp-relu-128 tflite int8 litert 1", "8 % is a name"
    faster = rival("mlp-relu-128", "tflite", "int8", "litert", 2.0e-6, accuracy=0.9521, size_bytes=108_605)
    assert name(recommend(race(faster, better), wishes).chosen) == "mlp-relu-128 tflite int8 litert 1", "it is faster"


@mark.parametrize(
    ("prefer", "first", "expected"),
    [
        (Prefer.LATENCY, {"p50": 2.79e-6}, "second"),
        (Prefer.LATENCY, {"p50": 2.4e-6}, "first"),
        (Prefer.THROUGHPUT, {"p50": 2.79e-6}, "second"),
        (Prefer.ACCURACY, {"accuracy": 0.9778}, "second"),
        (Prefer.ACCURACY, {"accuracy": 0.9850}, "first"),
    ],
)
def test_noise_in_what_is_preferred_does_not_outweigh_half_the_size(
    prefer: Prefer, first: dict[str, float], expected: str
) -> None:
    plain = {"p50": 2.8e-6, "accuracy": 0.9777}
    rivals = [rival(label, "tflite", "int8", "litert", values["p50"], accuracy=values["accuracy"], size_bytes=size)
              for label, values, size in (("first", plain | first, 200_000), ("second", plain, 100_000))]  # fmt: skip
    found = recommend(race(*rivals), Wishes(prefer=prefer))
    assert found.chosen is not None and found.chosen.measurement.architecture == expected


def test_what_is_unknown_keeps_no_limit_that_is_set_on_it() -> None:
    found = recommend(RACE, Wishes(max_install_bytes=10**12))
    assert {one.measurement.runtime for one in [found.chosen, *found.tied, *found.runners_up] if one} == {"litert"}
    assert found.excluded["--max-install-size"] == 3, "onnxruntime, openvino and iree tell no size"
    unverified = race(rival("mlp-relu-128", "onnx", "int8", "iree", 1e-6, passed=None))
    assert recommend(unverified, Wishes(min_accuracy=0)).chosen is None


def test_what_was_not_verified_is_chosen_only_where_nothing_was() -> None:
    bare = race(*[rival("mlp-relu-128", "onnx", one, "iree", 1e-6, passed=None) for one in ("int8", "float32")])
    found = recommend(bare, Wishes())
    assert found.fitting == 2 and "It was not verified in this runtime: run mnist-deploy verify." in found.cautions
    mixed = race(
        rival("mlp-relu-128", "onnx", "int8", "iree", 1e-6, passed=None),
        rival("mlp-relu-128", "onnx", "float32", "onnxruntime", 9e-6),
    )
    assert name(recommend(mixed, Wishes()).chosen) == "mlp-relu-128 onnx float32 onnxruntime 1"
    assert name(recommend(mixed, Wishes(ignore_gates=True)).chosen) == "mlp-relu-128 onnx float32 onnxruntime 1"
    assert (
        name(recommend(mixed, Wishes(ignore_gates=True, max_accuracy_drop=None)).chosen)
        == "mlp-relu-128 onnx int8 iree 1"
    )


def test_parity_of_another_file_does_not_count() -> None:
    measured, verified = rival("mlp-relu-128", "tflite", "int8", "litert", 1e-6)
    anew = measured.model_copy(update={"artifact_sha256": "f" * 64})
    assert [one.passed for one in candidates(race((anew, verified)))] == [None]


def test_runtimes_that_run_no_model_are_no_candidates() -> None:
    assert candidates(race(rival("mlp-relu-128", "tflite", "int8", "null", 1e-9, passed=None))) == []


def test_nearest_misses_name_one_set_of_limits_each() -> None:
    found = recommend(RACE, Wishes(max_latency_s=5e-6, min_accuracy=0.985))
    assert found.chosen is None and found.fitting == 0 and found.runners_up == [] and found.tied == []
    told = [(name(one.candidate), {miss.limit: miss.excess for miss in one.misses}) for one in found.nearest]
    assert told == [
        ("mlp-tanh-128 tflite int8 litert 1", {"--min-accuracy": approx(0.023 / 0.015)}),
        ("cnn-relu-16-32 tflite dynamic litert 1", {"--max-latency": approx(2.6)}),
    ]
    assert found.excluded == {"--max-latency": 5, "--min-accuracy": 6, PARITY: 2}


def test_a_gate_that_failed_may_be_the_nearest_miss() -> None:
    found = recommend(RACE, Wishes(max_latency_s=2.85e-6))
    assert [[miss.limit for miss in one.misses] for one in found.nearest] == [["--max-latency"], [PARITY]]
    assert name(found.nearest[1].candidate) == "mlp-relu-128 tflite int8 litert 1"


def test_other_batch_sizes_that_would_do_are_told() -> None:
    found = recommend(RACE, Wishes(min_throughput_images_per_s=1e6))
    assert found.chosen is None and found.elsewhere == [256]
    assert recommend(RACE, Wishes(min_throughput_images_per_s=1e6, batch_size=256)).chosen is not None
    assert recommend(RACE, Wishes(min_throughput_images_per_s=1e9)).elsewhere == []


def test_cautions() -> None:
    loud = RACE.model_copy(update={"quick": True, "complete": False, "noise": NOISY})
    wishes = Wishes(max_latency_s=2.9e-6, min_accuracy=0.977, min_throughput_images_per_s=1 / 2.9e-6)
    found = recommend(loud, wishes, ["mlp-tanh-128", "mlp-relu-256"])
    assert found.undecided == NOISY.no_verdicts
    told = " ".join(found.cautions)
    for words in ("quick", "interrupted", "noisy", "Not measured: mlp-relu-256.", "--max-latency", "--min-throughput",
                  "--min-accuracy"):  # fmt: skip
        assert words in told, words
    assert recommend(RACE, Wishes()).cautions == []


@mark.parametrize(
    ("results", "wishes", "asked", "error", "words"),
    [
        (race(), Wishes(), None, ArtifactError, "no measurements; run: mnist-deploy bench"),
        (RACE, Wishes(), ["mlp-relu-256"], UsageError, "mlp-relu-256: not measured; run: mnist-deploy bench mlp-rel"),
        (RACE, Wishes(device="gpu"), None, UsageError, "--device gpu: not measured; run: mnist-deploy bench --device"),
        (RACE, Wishes(batch_size=8), None, UsageError, "--batch-size 8: not measured, but 1, 256; run: mnist-deploy"),
    ],
)
def test_nothing_to_choose_among(
    results: Results, wishes: Wishes, asked: list[str] | None, error: type[Exception], words: str
) -> None:
    with raises(error, match=words):
        recommend(results, wishes, asked)


def test_a_recommendation_survives_json() -> None:
    for wishes in (Wishes(), Wishes(max_latency_s=1e-9, max_install_bytes=1, min_accuracy=1)):
        found = recommend(RACE, wishes)
        assert Recommendation.model_validate_json(found.model_dump_json()) == found


# ---- what always holds


@st.composite
def races(draw: st.DrawFn) -> Results:
    count, passes = draw(st.integers(1, 7)), draw(st.sampled_from([1, 3, 5]))
    rivals = [
        rival(
            f"network-{number}", "onnx", "int8", draw(st.sampled_from(["onnxruntime", "litert", "openvino"])),
            draw(st.floats(1e-6, 1e-4)), accuracy=draw(st.integers(9_000, 10_000)) / 10_000,
            passed=draw(st.sampled_from([True, True, False, None])),
            drift=draw(st.lists(st.floats(-0.1, 0.1), min_size=passes, max_size=passes)),
            size_bytes=draw(st.sampled_from([100_000, 101_000, 400_000])),
            memory_bytes=draw(st.integers(10**7, 10**8)),
            **draw(st.sampled_from([{}, {}, {key: BIG[key] for key in ("batch_size", "threads")}])),
        )
        for number in range(count)
    ]  # fmt: skip
    noise = draw(st.sampled_from([QUIET, NOISY, None])) if passes >= 3 else NOISY
    return race(*rivals, noise=noise)


LIMITS = {
    "max_latency_s": st.floats(1e-6, 1e-4),
    "min_accuracy": st.floats(0.9, 1),
    "max_size_bytes": st.integers(90_000, 500_000),
    "max_memory_bytes": st.integers(10**7, 10**8),
    "max_install_bytes": st.integers(10**8, 10**9),
    "min_throughput_images_per_s": st.floats(1e4, 1e8),
}
WISHES = st.builds(
    Wishes,
    prefer=st.sampled_from(Prefer),
    ignore_gates=st.booleans(),
    max_accuracy_drop=st.sampled_from([None, 0.0, 0.01, 0.03]),
    **{limit: st.one_of(st.none(), values) for limit, values in LIMITS.items()},  # type: ignore[arg-type]
)


def keeps(one: Candidate, wishes: Wishes) -> bool:
    """By hand, limit by limit."""
    row = one.measurement
    most = (
        (row.latency_quiet_s, wishes.max_latency_s),
        (row.size_bytes, wishes.max_size_bytes),
        (row.memory_bytes, wishes.max_memory_bytes),
        (one.installed_bytes, wishes.max_install_bytes),
    )
    least = (
        (one.accuracy, wishes.min_accuracy),
        (row.batch_size / row.latency_quiet_s, wishes.min_throughput_images_per_s),
    )
    return (
        all(limit is None or (value is not None and value <= limit) for value, limit in most)
        and all(limit is None or (value is not None and value >= limit) for value, limit in least)
        and (wishes.ignore_gates or one.passed is not False)
    )


@given(races(), WISHES)
def test_what_is_shown_as_fitting_keeps_all_limits_and_each_stands_once(results: Results, wishes: Wishes) -> None:
    found = recommend(results, wishes)
    fitting = [one for one in [found.chosen, *found.tied, *found.runners_up] if one]
    assert all(keeps(one, wishes) for one in fitting)
    assert len({name(one) for one in fitting}) == len(fitting) <= found.fitting <= found.considered
    assert len(found.runners_up) <= RUNNERS_UP
    assert (found.chosen is None) == bool(found.nearest) == (found.fitting == 0)
    assert all(one.misses for one in found.nearest)
    if found.fitting > 1 + len(found.tied):
        assert found.runners_up


def rivals_of(results: Results, found: Recommendation) -> list[Candidate]:
    """All that keep every limit, by hand."""
    wishes, sizes = found.wishes, found.batch_sizes
    rivals = [one for one in candidates(results) if one.measurement.batch_size in sizes and keeps(one, wishes)]
    if any(one.passed is not None for one in candidates(results) if one.measurement.batch_size in sizes):
        rivals = [one for one in rivals if one.passed is not None or wishes.ignore_gates]
    known = [one.accuracy for one in rivals if one.accuracy is not None]
    if wishes.max_accuracy_drop is None or not known:
        return rivals
    least = max(known) - wishes.max_accuracy_drop - 1e-9
    return [one for one in rivals if one.accuracy is not None and one.accuracy >= least]


VALUES = {
    Prefer.LATENCY: lambda one: one.measurement.latency_quiet_s,
    Prefer.THROUGHPUT: lambda one: one.measurement.latency_quiet_s / one.measurement.batch_size,
    Prefer.SIZE: lambda one: one.measurement.size_bytes,
    Prefer.ACCURACY: lambda one: -(one.accuracy or 0),
}


@given(races(), WISHES)
def test_nothing_that_fits_is_better_than_the_chosen_in_what_is_preferred(results: Results, wishes: Wishes) -> None:
    """But for noise, and then the chosen one is better in something that is none."""
    found = recommend(results, wishes)
    if found.chosen is None:
        return
    rivals, value, parting = rivals_of(results, found), VALUES[wishes.prefer], Parting.of(results)
    assert len(rivals) == found.fitting
    first = min(rivals, key=value)
    if value(found.chosen) != value(first):
        assert found.passed_over is not None and value(found.passed_over) == value(first)
        assert parting.as_good(found.chosen, first, wishes.prefer)
        assert any(parting.dominates(one, found.passed_over, wishes.prefer) for one in rivals)


@given(races(), WISHES)
def test_the_chosen_is_dominated_by_nothing_as_good_but_in_a_circle(results: Results, wishes: Wishes) -> None:
    found, parting = recommend(results, wishes), Parting.of(results)
    if found.chosen is None:
        return
    rivals = rivals_of(results, found)
    first = min(rivals, key=lambda one: order(one, wishes.prefer))
    equals = [one for one in rivals if one == first or parting.as_good(one, first, wishes.prefer)]
    beaten = [any(parting.dominates(other, one, wishes.prefer) for other in equals) for one in equals]
    assert all(beaten) or not any(parting.dominates(one, found.chosen, wishes.prefer) for one in equals)


@given(races(), WISHES, st.data())
def test_a_tighter_limit_never_lets_more_fit(results: Results, wishes: Wishes, data: st.DataObject) -> None:
    limit = data.draw(st.sampled_from(sorted(LIMITS)))
    now, drawn = getattr(wishes, limit), data.draw(LIMITS[limit])
    best = max if limit.startswith("min") else min
    # The best accuracy is that of what keeps the limits, so with fewer of these others may be close enough to it.
    wishes = wishes.model_copy(update={"max_accuracy_drop": None})
    tighter = wishes.model_copy(update={limit: drawn if now is None else best(now, drawn)})
    before, after = recommend(results, wishes), recommend(results, tighter)
    assert after.fitting <= before.fitting and after.considered == before.considered


@given(races(), WISHES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(results: Results, wishes: Wishes, random: Random) -> None:
    rows, parity = list(results.measurements), list(results.parity)
    random.shuffle(rows)
    random.shuffle(parity)
    shuffled = results.model_copy(update={"measurements": rows, "parity": parity})
    assert recommend(shuffled, wishes) == recommend(results, wishes)


@given(races(), WISHES)
def test_who_would_have_been_chosen_is_what_ignoring_gates_chooses(results: Results, wishes: Wishes) -> None:
    found = recommend(results, wishes)
    if found.better_but_failed is None or found.chosen is None:
        return
    assert order(found.better_but_failed, wishes.prefer) < order(found.chosen, wishes.prefer)
    assert keeps(found.better_but_failed, wishes.model_copy(update={"ignore_gates": True}))
