"""Our p50 against the libraries' own tools, on the same path through the same library with the same threads.

    pytest benchmarks/test_native_tools.py -s

prints a line for each comparison, and judges it if the machine is quiet enough. Ours and the tool's runs take turns,
each in a fresh process; each pair gives a ratio, and their median must be within 5 % of 1. Pairs that a busy neighbour
disturbed are left out: see `Probe`.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import native
from benchmarks.conftest import networks
from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision, State
from mnist_deploy.benchmark import noise
from mnist_deploy.reports.units import seconds
from mnist_deploy.runtimes import RUNTIMES

THREADS = 1
WITHIN = 0.05
PAIRS = 7  # at least, and then until as many are quiet or LONGEST_S are over
ENOUGH = 3  # quiet ones; fewer are no ground for a judgement
LONGEST_S = 20.0
WAIT_S = 1.0
SETTLE_S = 0.02

Tool = Callable[[Artifact, int, int, int, Path], native.P50s]


@dataclass(frozen=True)
class Comparison:
    """A tool on one artifact: `path` is what we time, `its` what the tool times.

    `parts`: where the tool's figure holds more than the path, one p50 of ours and one of its that must add up to it.
    """

    tool: str
    run: Tool
    runtime: str
    format: str
    network: str
    batch: int
    path: str
    its: str
    parts: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        threads = f"{THREADS} thread{'s' * (THREADS != 1)}"
        return f"{self.tool}, {self.network} {self.format} float32, batch {self.batch}, {threads}"


SHORT, LONG = "mlp-relu-128", "cnn-relu-32-64"
LITERT = (native.LITERT_BENCHMARK, native.litert_benchmark, "litert", "tflite")
OPENVINO = (native.BENCHMARK_APP, native.benchmark_app, "openvino", "onnx")
LOADGEN = (native.LOADGEN, native.loadgen, "onnxruntime", "onnx")
COMPARISONS = (
    Comparison(*LITERT, LONG, 1, native.RUN_BY_NAME, native.RUN_BY_NAME),
    Comparison(*LITERT, SHORT, 1, native.RUN_BY_NAME, native.RUN_BY_NAME),
    # Its clock does not see the microseconds that Python takes for a call, so ours is compared where they are few, ...
    Comparison(*OPENVINO, LONG, 128, native.INFER, native.LATENCY),
    # ... and our session, by its clock, where they are many.
    Comparison(*OPENVINO, SHORT, 1, native.LATENCY, native.LATENCY),
    # Its figure holds the way from C++ to Python and back, which is nothing beside a long call, ...
    Comparison(*LOADGEN, LONG, 32, native.CALL, native.CALL),
    # ... and much of a short one, whose own time also grows by what LoadGen does between the queries.
    Comparison(*LOADGEN, SHORT, 1, native.CALL, native.CALL, (native.AFTER_WORK, native.BRIDGE)),
)


class Probe:
    """How fast a core is right now: slower by a quarter and more while a neighbour uses its other half.

    The cores of a virtual machine have different neighbours, so what is measured stays on the core that was probed:
    processes inherit it from this one, which sleeps meanwhile.
    """

    def __init__(self) -> None:
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._fastest = float("inf")
        for _ in range(10):
            self.move()

    def take(self) -> float:
        time.sleep(SETTLE_S)
        now = noise.probe()
        self._fastest = min(self._fastest, now)
        return now

    def wait(self) -> float:
        """Wait until it is quiet, but not for long."""
        end = time.perf_counter() + WAIT_S
        while not self.quiet([now := self.take()]) and time.perf_counter() < end:
            pass
        return now

    def move(self) -> float:
        """Go to a core that is quiet now, or else wait for the last one."""
        for core in self._cores:
            os.sched_setaffinity(0, {core})
            if self.quiet([now := self.take()]):
                return now
        return self.wait()

    def release(self) -> None:
        if self._cores:
            os.sched_setaffinity(0, self._cores)

    def quiet(self, probes: list[float]) -> bool:
        """Compare with the fastest so far, so ask when all is measured."""
        return max(probes) <= noise.PROBE_TOLERANCE * self._fastest


@dataclass(frozen=True)
class Pair:
    ours: native.P50s
    its: native.P50s
    probes: list[float]


@pytest.fixture(scope="module")
def probe() -> Iterator[Probe]:
    probe = Probe()
    yield probe
    probe.release()


@pytest.mark.parametrize("case", COMPARISONS, ids=lambda case: f"{case.tool}-{case.network}-{case.batch}")
def test_p50_is_the_tools(
    case: Comparison, store: ArtifactStore, probe: Probe, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    artifact = usable(case, store, pytestconfig)
    pairs: list[Pair] = []
    end = time.perf_counter() + LONGEST_S
    while len(pairs) < PAIRS or (time.perf_counter() < end and len(quiet(pairs, probe)) < PAIRS):
        pairs.append(measure(case, artifact, probe, tmp_path))
    found = quiet(pairs, probe)
    enough = len(found) >= ENOUGH
    kept, chosen = (found, f"quiet pairs of {len(pairs)}") if enough else (pairs, f"pairs, {len(found)} of them quiet")

    ours, its = medians([pair.ours for pair in kept]), medians([pair.its for pair in kept])
    ratios = [pair.ours[case.path] / pair.its[case.its] for pair in kept]
    mine, tools = seconds(ours[case.path]), seconds(its[case.its])
    print(
        f"\n{case.label}: ours {mine} ({case.path}), its {tools} ({case.its}), {told(ratios)} of {len(kept)} {chosen}"
    )
    for whose, p50s, shown in (("ours", ours, case.path), ("its", its, case.its)):
        beside = [f"{name} {seconds(p50)}" for name, p50 in p50s.items() if name != shown]
        if beside:
            print(f"    {whose} beside it: {', '.join(beside)}")
    if case.parts:
        mine, tools = case.parts
        ratios = [(pair.ours[mine] + pair.its[tools]) / pair.its[case.its] for pair in kept]
        print(f"    so judged by ({mine} + {tools}) / its {case.its}: {told(ratios)}")
    if not enough:
        pytest.skip(f"{case.label}: the machine is too noisy to judge {told(ratios)} of {len(kept)} {chosen}")
    assert abs(statistics.median(ratios) - 1) <= WITHIN, f"{case.label}: {told(ratios)} of {len(kept)} {chosen}"


def medians(p50s: list[native.P50s]) -> native.P50s:
    return {name: statistics.median(one[name] for one in p50s) for name in p50s[0]}


def told(ratios: list[float]) -> str:
    return f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f})"


def usable(case: Comparison, store: ArtifactStore, config: pytest.Config) -> Artifact:
    reason = native.missing(case.tool)
    available = RUNTIMES[case.runtime].availability("cpu")
    if reason is not None or not available.ok:
        pytest.skip(reason or available.reason or "not available")
    if case.network not in networks(config):
        pytest.skip(f"{case.network} is not among --networks")
    artifact = store.find(case.network, case.format, Precision.FLOAT32)
    if artifact is None or store.state(artifact) is not State.CURRENT:
        pytest.skip(f"no current artifact; run: mnist-deploy export {case.network}")
    return artifact


def measure(case: Comparison, artifact: Artifact, probe: Probe, folder: Path) -> Pair:
    probes = [probe.move()]
    ours = native.ours(artifact, case.runtime, case.batch, THREADS)
    probes += [probe.take(), probe.wait()]
    calls = max(native.LEAST_CALLS, round(native.SECONDS / ours[case.path]))
    its = case.run(artifact, case.batch, THREADS, calls, folder)
    return Pair(ours, its, [*probes, probe.take()])


def quiet(pairs: list[Pair], probe: Probe) -> list[Pair]:
    return [pair for pair in pairs if probe.quiet(pair.probes)]
