"""One benchmark for each network, artifact, runtime and batch size; one group, and so one table, for each use.

These run in one process, by pytest-benchmark's own clock and calibration: good for catching a regression between two
commits on one machine (`--benchmark-compare`). Runtimes on request are left out: some refuse to share a process. For
figures to publish use `mnist-deploy bench`, which takes fresh processes.
"""

import itertools

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.conftest import networks
from mnist_deploy import dataset
from mnist_deploy.artifacts import ArtifactStore, Precision, State
from mnist_deploy.benchmark.sampler import Tape
from mnist_deploy.exporters import ARTIFACT_KINDS
from mnist_deploy.runtimes import RUNTIMES

BATCHES = (1, 256)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    cases = [
        (network, format, precision, runtime.name, batch)
        for network, batch, (format, precision), runtime in itertools.product(
            networks(metafunc.config), BATCHES, ARTIFACT_KINDS, RUNTIMES.values()
        )
        if format in runtime.formats and not runtime.on_request
    ]
    names = ("network", "format", "precision", "runtime", "batch")
    metafunc.parametrize(names, cases, ids=["-".join(map(str, case)) for case in cases])


def test_run(
    benchmark: BenchmarkFixture,
    store: ArtifactStore,
    mnist: dataset.Dataset,
    pytestconfig: pytest.Config,
    network: str,
    format: str,
    precision: Precision,
    runtime: str,
    batch: int,
) -> None:
    artifact = store.find(network, format, precision)
    if artifact is None:
        pytest.skip(f"not exported; run: mnist-deploy export {network}")
    if store.state(artifact) is not State.CURRENT:
        pytest.skip(f"{store.state(artifact)}; run: mnist-deploy export {network}")
    threads = pytestconfig.getoption("--threads")
    available = RUNTIMES[runtime].availability("cpu")
    if not available.ok:
        pytest.skip(f"{available.reason}; run: {available.remedy}")
    images = dataset.scaled(mnist.test_images[: 4 * batch])
    benchmark.group = f"{network}, batch {batch}, {threads} thread{'s' * (threads != 1)}"
    benchmark.name = f"{format} {precision} {runtime}"
    with RUNTIMES[runtime](artifact, device="cpu", threads=threads, batch_size=batch) as loaded:
        tape = Tape([loaded.encode(images[start : start + batch]) for start in range(0, len(images), batch)])
        output = benchmark(lambda: loaded.run(tape.take()))
        assert loaded.decode(output).shape == (batch, 10)
    benchmark.extra_info.update(
        architecture=network,
        format=format,
        precision=precision,
        runtime=runtime,
        batch_size=batch,
        threads=threads,
        size_bytes=artifact.size_bytes,
    )
