from datetime import timedelta
from pathlib import Path

import numpy as np
from pytest import fixture, mark, raises

from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.pipeline.gathering import Wider, gather
from mnist_deploy.results import Results
from tests.records import CHECKS, ENVIRONMENT, RACE, RECORDS, race, rival

HOUR = timedelta(hours=1)
TRAINED = race(training=RECORDS.training[:1], command="train")
VERIFIED = race(command="verify", parity=RACE.parity)
MEASURED = RACE.model_copy(update={"parity": [], "command": "bench"})
# The networks of RACE are all of one model's bytes, as the training of RECORDS is.
ONE = race(rival("mlp-tanh-128", "tflite", "int8", "litert", 2.5e-6, accuracy=0.9770), parity=[], command="bench")


@fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


def save(store: ArtifactStore, hour: int, results: Results, **changes: object) -> Path:
    return results.model_copy(update={"created_at": RECORDS.created_at + hour * HOUR, **changes}).save(store.results)


def test_one_whole_run_is_its_own_source(store: ArtifactStore) -> None:
    path = save(store, 0, RECORDS)
    (store.results / str(RECORDS.samples)).write_bytes(b"")
    found = gather(store)
    assert found.results == RECORDS and found.sources == [path] and (found.wider, found.skipped) == (None, [])
    assert found.samples == store.results / str(RECORDS.samples)


def test_samples_that_are_not_there_are_none(store: ArtifactStore) -> None:
    save(store, 0, RECORDS)
    assert gather(store).samples is None


def test_what_was_trained_and_verified_is_joined_to_what_was_measured(store: ArtifactStore) -> None:
    train, verify, bench = save(store, 0, TRAINED), save(store, 1, VERIFIED), save(store, 2, MEASURED)
    found = gather(store)
    assert found.sources == [bench, verify, train]
    assert found.results.measurements == MEASURED.measurements and found.results.command == "bench"
    assert found.results.parity == RACE.parity and found.results.training == TRAINED.training


def test_rows_of_parity_come_from_the_newest_file_even_before_the_own(store: ArtifactStore) -> None:
    run = save(store, 0, RACE)
    changed = [row.model_copy(update={"passed": True, "failures": []}) for row in RACE.parity[:1]]
    verify = save(store, 1, race(command="verify", parity=changed))
    found = gather(store)
    assert found.sources == [run, verify] and len(found.results.parity) == len(RACE.parity)
    assert found.results.parity[0].passed and not RACE.parity[0].passed


def test_parity_of_artifacts_that_were_not_measured_is_left_out(store: ArtifactStore) -> None:
    save(store, 0, VERIFIED)
    save(store, 1, ONE)
    assert [(row.architecture, row.precision) for row in gather(store).results.parity] == [("mlp-tanh-128", "int8")]


def test_the_newest_measurement_is_taken_alone_and_the_wider_one_is_named(store: ArtifactStore) -> None:
    old, new = save(store, 0, RACE), save(store, 1, ONE)
    found = gather(store)
    assert found.sources == [new, old] and found.results.measurements == ONE.measurements, "no mixing of hours"
    assert found.wider == Wider(old, len(RACE.measurements) - 1)


def test_networks_that_are_named_are_looked_for(store: ArtifactStore) -> None:
    old, new = save(store, 0, RACE), save(store, 1, ONE)
    assert gather(store, names=["cnn-relu-16-32"]).sources[0] == old
    assert gather(store, names=["mlp-tanh-128"]).sources[0] == new
    assert gather(store, names=["mlp-tanh-128", "cnn-relu-16-32"]).sources[0] == old, "both, rather than one newer"
    assert gather(store, names=["mlp-tanh-128", "mlp-relu-256"]).sources[0] == new, "one is more than none"
    assert gather(store, names=["mlp-relu-256"]).sources[0] == new


def other_machine(results: Results) -> dict[str, object]:
    return {"environment": results.environment.model_copy(update={"cpu": "Another CPU"})}


def other_data(results: Results) -> dict[str, object]:
    return {"data_sha256": "e" * 64}


def other_models(results: Results) -> dict[str, object]:
    return {"parity": [row.model_copy(update={"model_sha256": "d" * 64}) for row in results.parity]}


OTHERS = {"environment.cpu": other_machine, "data_sha256": other_data, "model_sha256 of": other_models}


@mark.parametrize("field", OTHERS)
def test_what_belongs_elsewhere_is_left_out_by_default_and_refused_when_named(store: ArtifactStore, field: str) -> None:
    foreign, bench = save(store, 0, VERIFIED, **OTHERS[field](VERIFIED)), save(store, 1, MEASURED)
    found = gather(store)
    assert found.sources == [bench] and found.results.parity == [] and found.wider is None
    with raises(UsageError, match=f"{foreign}: does not belong to {bench}: {field}.* against .*; give one of them"):
        gather(store, [bench, foreign])


def test_other_libraries_are_no_other_machine(store: ArtifactStore) -> None:
    newer = ENVIRONMENT.model_copy(update={"libraries": {"numpy": "3.0.0"}, "python": "3.13.0"})
    verify, bench = save(store, 0, VERIFIED, environment=newer), save(store, 1, MEASURED)
    assert gather(store).sources == [bench, verify]


def test_files_that_are_named_are_joined_wherever_they_are(store: ArtifactStore, tmp_path: Path) -> None:
    verify, bench = save(store, 0, VERIFIED), save(store, 1, MEASURED)
    save(store, 2, ONE)
    empty = ArtifactStore(tmp_path / "none")
    found = gather(empty, [verify, bench])
    assert found.sources == [bench, verify] and found.wider is None
    assert gather(empty, [verify]).results.measurements == []


def test_two_measurements_are_refused_but_a_copy_is_the_same(store: ArtifactStore) -> None:
    old, new = save(store, 0, RACE), save(store, 1, ONE)
    with raises(UsageError, match=f"{old} and {new}: both hold measurements.*mnist-deploy compare {old} {new}"):
        gather(store, [old, new])
    assert gather(store, [new, store.results / "latest.json", new]).sources == [new]


def test_interrupted_runs_and_self_checks_are_taken_only_when_named(store: ArtifactStore) -> None:
    whole = save(store, 0, RACE)
    partial, check = save(store, 1, ONE, complete=False), save(store, 2, ONE, checks=CHECKS)
    assert gather(store).sources == [whole]
    assert gather(store, [partial]).sources == [partial] and gather(store, [check]).sources == [check]
    whole.unlink()
    with raises(ArtifactError, match="no finished results; run: mnist-deploy run"):
        gather(store)


def test_what_cannot_be_read_is_passed_over_and_told(store: ArtifactStore) -> None:
    whole = save(store, 0, RACE)
    damaged, old = store.results / "20990101T000000Z.json", store.results / "20980101T000000Z.json"
    damaged.write_text("{")
    old.write_text('{"schema_version": 3}')
    found = gather(store)
    assert found.sources == [whole]
    assert [text.split(";")[0].split(" (")[0] for text in found.skipped] == [
        f"{damaged}: not a results file", f"{old}: schema version 3, not {RACE.schema_version}",
    ]  # fmt: skip
    with raises(ArtifactError, match="not a results file"):
        gather(store, [whole, damaged])
    whole.unlink()
    with raises(ArtifactError, match=f"{damaged}: not a results file"):
        gather(store)


def test_nothing_there(store: ArtifactStore, tmp_path: Path) -> None:
    with raises(ArtifactError, match="results: no finished results; run: mnist-deploy run"):
        gather(store)
    with raises(ArtifactError, match=r"none\.json: no such results"):
        gather(store, [tmp_path / "none.json"])
    with raises(ArtifactError, match=f"{tmp_path}: no finished results; run: mnist-deploy run"):
        gather(store, [tmp_path])
    with raises(UsageError, match="a folder beside other results; give it alone, or files of it"):
        gather(store, [tmp_path, tmp_path])


def test_samples_are_looked_for_beside_the_results_only(store: ArtifactStore, tmp_path: Path) -> None:
    np.savez(tmp_path / "secret.npz")
    save(store, 0, RECORDS, samples="../secret.npz")
    with raises(ArtifactError, match="not a results file \\(samples: String should match pattern"):
        gather(store)
