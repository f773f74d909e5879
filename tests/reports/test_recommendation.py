import io
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pytest import mark
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.cli import quantities
from mnist_deploy.decisions.recommendation import candidates, recommend
from mnist_deploy.decisions.records import Prefer, Recommendation, Wishes
from mnist_deploy.pipeline.gathering import Gathered, Wider
from mnist_deploy.pipeline.recommending import Advice
from mnist_deploy.reports import wording
from mnist_deploy.reports.misses import missed, reaching, remedy
from mnist_deploy.reports.recommendation import recommendation
from mnist_deploy.results import Results
from tests.records import NOISY, RACE, race, rival

SOURCES = [Path("results/one.json"), Path("results/two.json")]
FILE = Path("artifacts/mlp-tanh-128/int8.tflite")
IMPOSSIBLE = Wishes(max_latency_s=5e-6, min_accuracy=0.985, max_size_bytes=500_000)


# Whatever an accuracy is worth.
ANY = Wishes(max_accuracy_drop=None)


def shown(wishes: Wishes, width: int = 100, results: Results = RACE, path: Path | None = FILE, **more: object) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False, markup=False, legacy_windows=False)
    found = recommend(results, wishes)
    gathered = Gathered(results, SOURCES, None, **more)  # type: ignore[arg-type]
    console.print(recommendation(Advice(found, gathered, path if found.chosen else None)), crop=False)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def test_a_choice_with_a_tie(snapshot: SnapshotAssertion) -> None:
    assert shown(ANY) == snapshot


def test_a_choice_within_a_point_of_the_best_accuracy(snapshot: SnapshotAssertion) -> None:
    told = shown(Wishes(), path=Path("artifacts/cnn-relu-16-32/dynamic.tflite"))
    assert told == snapshot
    assert "to consider all: --max-accuracy-drop none" in " ".join(told.split())


@mark.parametrize(
    ("prefer", "words"),
    [
        (Prefer.SIZE, "is 95 bytes smaller, and gives up accuracy 0.9521 (-2.56 points)"),
        (Prefer.LATENCY, "is as fast but for noise, and gives up accuracy 0.9521 (-2.56 points)"),
        (Prefer.THROUGHPUT, "is as fast but for noise, and gives up accuracy 0.9521 (-2.56 points)"),
    ],
)
def test_what_was_passed_over_is_named(prefer: Prefer, words: str) -> None:
    worse = rival("mlp-relu-128", "tflite", "int8", "litert", 2.79e-6, accuracy=0.9521, size_bytes=108_605)
    better = rival("mlp-tanh-128", "tflite", "int8", "litert", 2.8e-6, accuracy=0.9777, size_bytes=108_700)
    why = wording.why(recommend(race(worse, better), Wishes(prefer=prefer, max_accuracy_drop=None)))
    assert f"mlp-relu-128 tflite int8 in litert, 1 thread {words}." in why


def test_a_limit_decides_before_the_accuracy() -> None:
    why = wording.why(recommend(RACE, Wishes(max_latency_s=5e-6, max_accuracy_drop=0)))
    assert "Only accuracies within 0 points of the best that keeps the other limits, 0.9770, are considered" in why


def test_a_choice_by_throughput_with_limits(snapshot: SnapshotAssertion) -> None:
    assert shown(Wishes(prefer=Prefer.THROUGHPUT, min_accuracy=0.98, max_size_bytes=100_000)) == snapshot


def test_a_choice_on_a_noisy_machine_from_a_quick_run(snapshot: SnapshotAssertion) -> None:
    loud = RACE.model_copy(update={"noise": NOISY, "quick": True})
    told = shown(
        ANY.model_copy(update={"prefer": Prefer.SIZE}), results=loud, path=None,
        wider=Wider(Path("results/an old.json"), 20),
        skipped=["results/bad.json: not a results file"],
    )  # fmt: skip
    assert told == snapshot
    assert "[quick]" in told and "--results 'results/an old.json'" in told and "results/bad.json" in told


def test_nothing_fits(snapshot: SnapshotAssertion) -> None:
    assert shown(IMPOSSIBLE) == snapshot


@mark.parametrize("wishes", [Wishes(), ANY, IMPOSSIBLE, Wishes(prefer=Prefer.THROUGHPUT), Wishes(ignore_gates=True)])
@mark.parametrize("width", [40, 60, 80])
def test_nothing_is_lost_on_a_narrow_terminal(wishes: Wishes, width: int) -> None:
    narrow, wide = shown(wishes, width), shown(wishes, 200)
    assert "…" not in narrow
    # Commands are left in one piece, since a broken one cannot be copied.
    assert all(len(line) <= width for line in narrow.splitlines() if not line.startswith("  mnist-deploy package"))
    # A path or a table's cell may be broken anywhere; the words of it all are the same.
    assert re.sub(r"\s+", "", narrow) == re.sub(r"\s+", "", wide)


def test_what_an_alternative_gives_up_and_gains() -> None:
    chosen, fast, small = candidates(
        race(
            rival("mlp-relu-128", "tflite", "int8", "litert", 10e-6, accuracy=0.98, size_bytes=100_000),
            rival("mlp-relu-128", "onnx", "int8", "onnxruntime", 5e-6, accuracy=0.96, size_bytes=102_000),
            rival("mlp-relu-128", "tflite", "float32", "litert", 1e-3, passed=None, memory_bytes=520_000),
        )
    )
    assert wording.gains(fast, chosen) == "latency 5.00 us (0.50x)", "2 % of size is not worth a word"
    assert wording.gives_up(fast, chosen) == "accuracy 0.9600 (-2.00 points), installed unknown"
    assert wording.gives_up(small, chosen) == (
        "latency 1.00 ms (100x), accuracy unknown (not verified), size 406 kB (4.06x)"
    )
    assert wording.gains(small, chosen) == "memory 520 kB (0.05x)"
    assert wording.gives_up(chosen, chosen) == wording.gains(chosen, chosen) == wording.NOTHING


def test_why_without_limits_without_rivals() -> None:
    alone = race(rival("mlp-relu-128", "tflite", "int8", "litert", 1e-6))
    assert wording.why(recommend(alone, Wishes())) == "Fastest of all: 1 candidate (batch 1)."


def test_the_next_command_names_the_artifact() -> None:
    found = recommend(RACE, ANY)
    assert found.chosen is not None
    assert wording.package_command(found.chosen) == (
        "mnist-deploy package mlp-tanh-128 --format tflite --precision int8 --runtime litert "
        "--output mlp-tanh-128-tflite-int8-litert"
    )


def test_what_is_unknown_is_said_as_such() -> None:
    unknown = race(rival("mlp-relu-128", "onnx", "int8", "onnxruntime", 1e-6))
    one = recommend(unknown, Wishes(max_install_bytes=1)).nearest[0]
    assert missed(one) == "--max-install-size 1 B against an unknown figure"
    assert remedy(one) == "It would fit without --max-install-size, as far as is known."
    unverified = race(rival("mlp-relu-128", "onnx", "int8", "litert", 1e-6, passed=None))
    one = recommend(unverified, Wishes(min_accuracy=0.9)).nearest[0]
    assert remedy(one) == "To know: mnist-deploy verify mlp-relu-128"


PARSERS = {
    "--max-latency": quantities.duration_s,
    "--min-throughput": quantities.rate,
    "--min-accuracy": quantities.share,
    "--max-size": quantities.size_bytes,
}


@given(st.sampled_from(sorted(PARSERS)), st.data())
def test_the_limit_that_is_advised_is_kept_and_near(limit: str, data: st.DataObject) -> None:
    drawn = {
        "--max-latency": st.floats(1e-8, 1e3),
        "--min-throughput": st.floats(1, 1e9),
        "--min-accuracy": st.integers(1, 10_000).map(lambda right: right / 10_000),
        "--max-size": st.integers(1, 10**12),
    }
    value = data.draw(drawn[limit])
    advised = PARSERS[limit]("--limit", reaching(limit, value))
    assert advised <= value if limit.startswith("--min") else advised >= value
    assert abs(advised - value) <= 0.011 * value


@mark.parametrize("wishes", [IMPOSSIBLE, Wishes(max_latency_s=1e-9), Wishes(max_size_bytes=1, min_accuracy=0.9999)])
def test_what_is_advised_makes_it_fit(wishes: Wishes) -> None:
    """The remedy of each nearest miss, put in place of the limits that it misses, lets that candidate in."""
    names = {"--max-latency": "max_latency_s", "--min-accuracy": "min_accuracy", "--max-size": "max_size_bytes"}
    found: Recommendation = recommend(RACE, wishes)
    assert found.nearest
    for one in found.nearest:
        told = dict(re.findall(r"(--m\S+) (\S+)", remedy(one)))
        relaxed = {names[limit]: PARSERS[limit](limit, text) for limit, text in told.items()}
        if "--ignore-gates" in remedy(one):
            relaxed["ignore_gates"] = True
        again = recommend(RACE, wishes.model_copy(update=relaxed))
        assert again.chosen is not None
