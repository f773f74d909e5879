import random
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mnist_deploy.artifacts import Artifact, Precision, Provenance
from mnist_deploy.benchmark.schedule import Cell, Plan, Use, beside, hosts, lightest, rounds, sessions, uses


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


def test_slices_are_halved_for_many_cells_under_a_time_limit_and_passes_are_not() -> None:
    plan = Plan()
    assert (
        plan.fitted(100) == plan and plan.model_copy(update={"time_limit_s": None}).fitted(1000).effort == plan.effort
    )
    many = plan.fitted(101)
    assert (many.passes, many.rounds, many.effort.slice_s, many.effort.min_calls) == (5, 2, 0.05, 3)
    assert many.effort.max_warm_up_s == plan.effort.max_warm_up_s


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


@given(st.integers(0, 20), st.integers(0, 4), st.integers())
def test_each_round_has_each_index_once(count: int, number: int, seed: int) -> None:
    found = rounds(count, number, random.Random(seed))
    assert len(found) == number and all(sorted(order) == list(range(count)) for order in found)
    assert found == rounds(count, number, random.Random(seed))


def test_passes_differ_in_order() -> None:
    cells = [cell("litert", 1) for _ in range(20)]
    orders = {tuple(map(id, sessions(cells, random.Random(f"0 {number}"))[0].cells)) for number in range(5)}
    assert len(orders) == 5


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.integers(1, 4), st.integers())
def test_what_stands_together_lies_side_by_side_in_each_round(sizes: list[int], number: int, seed: int) -> None:
    indices = iter(range(sum(sizes)))
    together = [[next(indices) for _ in range(size)] for size in sizes]
    found = rounds(sum(sizes), number, random.Random(seed), together)
    assert len(found) == number and all(sorted(order) == list(range(sum(sizes))) for order in found)
    for order in found:
        for group in together:
            places = sorted(order.index(index) for index in group)
            assert places == list(range(places[0], places[0] + len(group)))


def test_either_of_a_pair_is_first_as_often() -> None:
    found = rounds(2, 400, random.Random(0), [[0, 1]])
    assert 150 < sum(order == [0, 1] for order in found) < 250


def test_cells_that_differ_in_their_side_stand_together_and_a_twin_with_its_first() -> None:
    one, other = cell("litert", 1), cell("litert", 1, 256)
    assert beside([one, other, one.twin()]) is None
    base, head = replace(one, side="base"), replace(one, side="head")
    far = replace(other, side="base")
    assert beside([base, far, head, base.twin()]) == [[0, 2, 3], [1]]
    assert base.label != head.label
