import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mnist_deploy.artifacts import Artifact, Precision, Provenance
from mnist_deploy.benchmark.schedule import Cell, Use, rounds, sessions, uses


def cell(runtime: str, threads: int, batch: int = 1, device: str = "cpu") -> Cell:
    provenance = Provenance(source_sha256="s", versions={}, created_at="2026-01-01T00:00:00Z")
    artifact = Artifact(
        architecture="a", format="f", precision=Precision.INT8, path=Path("p"), size_bytes=1, sha256="x",
        provenance=provenance,
    )  # fmt: skip
    return Cell(artifact, runtime, device, Use(batch_size=batch, threads=threads))


def pairs(found: list[Use]) -> list[tuple[int, int]]:
    return [(use.batch_size, use.threads) for use in found]


def test_default_is_latency_and_throughput() -> None:
    assert pairs(uses(None, None, cores=8)) == [(1, 1), (256, 8)]


def test_named_values_take_the_place_of_the_defaults() -> None:
    assert pairs(uses([32], None, cores=8)) == [(32, 1), (32, 8)]
    assert pairs(uses(None, [4], cores=8)) == [(1, 4), (256, 4)]
    assert pairs(uses([1, 32], [1, 2], cores=8)) == [(1, 1), (1, 2), (32, 1), (32, 2)]


def test_no_use_twice() -> None:
    assert pairs(uses([1, 1], None, cores=1)) == [(1, 1)]


RUNTIMES = st.sampled_from(["litert", "onnxruntime", "keras-call"])
CELLS = st.lists(st.builds(cell, RUNTIMES, st.sampled_from([1, 2])), max_size=12)


@given(CELLS, st.integers())
def test_sessions_hold_every_cell_once_and_one_runtime_and_thread_count_each(cells: list[Cell], seed: int) -> None:
    found = sessions(cells, random.Random(seed))
    held = [one for session in found for one in session.cells]
    assert sorted(map(id, held)) == sorted(map(id, cells))
    keys = [(session.runtime, session.device, session.threads) for session in found]
    assert len(set(keys)) == len(keys)
    for session in found:
        kinds = {(one.runtime, one.device, one.use.threads) for one in session.cells}
        assert kinds == {(session.runtime, session.device, session.threads)}


@given(st.integers(0, 20), st.integers(0, 4), st.integers())
def test_each_round_has_each_index_once(count: int, number: int, seed: int) -> None:
    found = rounds(count, number, random.Random(seed))
    assert len(found) == number and all(sorted(order) == list(range(count)) for order in found)
    assert found == rounds(count, number, random.Random(seed))


def test_passes_differ_in_order() -> None:
    cells = [cell("litert", 1) for _ in range(20)]
    orders = {tuple(map(id, sessions(cells, random.Random(f"0 {number}"))[0].cells)) for number in range(5)}
    assert len(orders) == 5
