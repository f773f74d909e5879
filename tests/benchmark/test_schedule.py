import random
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mnist_deploy.artifacts import Artifact, Precision, Provenance
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.benchmark.schedule import (
    MAX_STRIDE,
    Cell,
    Use,
    hosts,
    lightest,
    sessions,
    stride,
    sweep,
    tables,
    uses,
)


def cell(runtime: str, threads: int, batch: int = 1, device: str = "cpu") -> Cell:
    provenance = Provenance(source_sha256="s", versions={}, created_at="2026-01-01T00:00:00Z")
    artifact = Artifact(
        architecture="a", format="f", precision=Precision.INT8, path=Path("p"), size_bytes=1, sha256="0" * 64,
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


def test_more_threads_than_this_process_may_use_are_capped() -> None:
    assert pairs(uses([1], [1, 2, 64], cores=2)) == [(1, 1), (1, 2)]


def test_the_lightest_cell_has_few_threads_then_a_small_batch_then_a_small_file() -> None:
    cells = [cell("litert", 2), cell("litert", 1, 256), cell("onnxruntime", 1), cell("litert", 1)]
    assert lightest(cells) is cells[2]
    twin = cells[2].twin()
    assert twin is not cells[2] and twin != cells[2] and twin.names == cells[2].names


def test_slow_cells_take_part_in_fewer_sweeps() -> None:
    effort = Effort()
    assert [stride(bursts * effort.burst_s, effort) for bursts in (0.001, 1, 5.9, 6.1, 12.1, 1000)] == [
        1, 1, 1, 2, 3, MAX_STRIDE,
    ]  # fmt: skip


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


@given(CELLS, st.integers())
def test_a_host_has_the_sessions_of_one_library(cells: list[Cell], seed: int) -> None:
    found = sessions(cells, random.Random(seed))
    groups = hosts(found)
    assert sorted(id(session) for group in groups for session in group) == sorted(map(id, found))
    for group in groups:
        assert len({session.runtime.split("-")[0] for session in group}) == 1
    assert len(groups) == len({session.runtime for session in found})


@given(CELLS, st.integers())
def test_where_they_are_timed_cells_whose_threads_linger_have_a_process_each(cells: list[Cell], seed: int) -> None:
    """ONNX Runtime's threads spin after a call: of another cell they would take the processors."""
    for session in sessions(cells, random.Random(seed), timed=True):
        if session.runtime == "onnxruntime" and session.threads > 1:
            assert len(session.cells) == 1
    assert len(sessions(cells, random.Random(seed))) == len({(one.runtime, one.use.threads) for one in cells})


@given(CELLS, st.integers())
def test_a_sweep_has_each_cell_of_a_table_once(cells: list[Cell], seed: int) -> None:
    held = [one for table in tables(cells) for one in sweep(table, random.Random(seed))]
    assert sorted(map(id, held)) == sorted(map(id, cells))
    for table in tables(cells):
        assert len({(one.artifact.architecture, one.use) for one in table}) == 1
        assert sweep(table, random.Random(seed)) == sweep(table, random.Random(seed))


def test_passes_differ_in_order() -> None:
    cells = [cell("litert", 1) for _ in range(20)]
    orders = {tuple(map(id, sessions(cells, random.Random(f"0 {number}"))[0].cells)) for number in range(5)}
    assert len(orders) == 5


def test_cells_that_differ_in_their_side_lie_side_by_side_either_first_and_a_twin_with_its_first() -> None:
    one, other = cell("litert", 1), cell("onnxruntime", 1)
    base, head = replace(one, side="base"), replace(one, side="head")
    table = [base, replace(other, side="base"), head, replace(other, side="head"), base.twin()]
    order, first = random.Random(0), 0
    for _ in range(400):
        swept = sweep(table, order)
        found = [one.runtime for one in swept]
        assert found in (["litert"] * 3 + ["onnxruntime"] * 2, ["onnxruntime"] * 2 + ["litert"] * 3)
        first += swept.index(base) < swept.index(head)
    assert 150 < first < 250
    assert base.label != head.label
