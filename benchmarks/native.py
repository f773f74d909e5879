"""One function for each native tool, which runs it once on an artifact and returns its p50; and ours on the same path.

What they time, read from their sources, of ai-edge-litert 2.3.0, OpenVINO 2026.4.1 and LoadGen 6.0.17:

- litert-benchmark: `CompiledModel.run_by_name` from Python on buffers that were filled once, with `time.perf_counter`.
  No copies, and not the `Interpreter`; only the batch that the file was exported with, which is 1.
- benchmark_app: `InferRequest.infer` from Python on tensors that were filled once, but by `InferRequest.latency`: the
  clock is OpenVINO's own, inside the binding, and sees neither Python nor the output dict that `infer` makes.
- LoadGen SingleStream: from the issue of a query in C++ to `QuerySamplesComplete`. Whatever the system under test does
  in between, here `Runtime.run`, and the way from C++ to Python and back.

Everything runs in a fresh process of its own, one at a time, while the caller sleeps.
Run as `python -m benchmarks.native FUNCTION JSON`, this module is such a process.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark.sampler import Effort, Tape, Times, sample, warm_up
from mnist_deploy.runtimes import RUNTIMES

ROOT = Path(__file__).parents[1]
LITERT_BENCHMARK, BENCHMARK_APP, LOADGEN = "litert-benchmark", "benchmark_app", "loadgen"
LITERT_MODULE, LOADGEN_MODULE = "ai_edge_litert.tools.benchmark_litert_model", "mlperf_loadgen"

# The names of the paths that are timed.
CALL = "our call"
RUN_BY_NAME, INVOKE = "CompiledModel.run_by_name", "Interpreter.invoke"
LATENCY, INFER = "InferRequest.latency", "InferRequest.infer"
BRIDGE = "LoadGen's way to Python and back"  # of queries that are answered first and computed after
NULL = "the same with nothing computed"  # and so with warm caches
AFTER_WORK = "our call after other work"  # not timed, but it cools the caches, as LoadGen's own does between queries

SECONDS = 0.3  # what a tool runs for, after a warm-up of WARM_UP of its calls
WARM_UP = 0.2
ROUNDS = 5  # ours takes this many slices of each path in turn, so that all of them see the same host
EFFORT = Effort(burst_s=0.04)
IMAGES = 64  # at random, as the tools' own: they cost as much, and loading ours would part the runs further
NULL_QUERIES = 2_000
LEAST_CALLS = 64  # of a tool; LoadGen asks for that many
CALLS = 5  # of ours, in one slice, at least
UNIT = {"us": 1e-6, "ms": 1e-3}

P50s = dict[str, float]
Slice = Callable[[float], Times]


def missing(tool: str) -> str | None:
    """Return why `tool` cannot be used here, or None."""
    if tool == LOADGEN:
        return None if _importable(LOADGEN_MODULE) else "mlcommons-loadgen is not installed"
    if script(tool) is None:
        return f"{tool} is not installed"
    if tool == LITERT_BENCHMARK and not _importable(LITERT_MODULE):
        return f"{script(tool)} belongs to another Python"
    return None


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def script(name: str) -> str | None:
    """Return the path of a tool: beside this Python, or else wherever the shell finds it."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def ours(artifact: Artifact, runtime: str, batch: int, threads: int) -> P50s:
    """Return our p50s by path, from one fresh process."""
    return _in_fresh_process(_ours, artifact=_sent(artifact), runtime=runtime, batch=batch, threads=threads)


def litert_benchmark(artifact: Artifact, batch: int, threads: int, calls: int, folder: Path) -> P50s:
    """Run litert-benchmark."""
    assert batch == 1, "litert-benchmark has no option for the batch"
    report = folder / "litert-benchmark.json"
    options = {"model": artifact.path, "num_threads": threads, "num_runs": calls, "result_json": report}
    options["warmup_runs"] = max(1, int(calls * WARM_UP))
    return _in_fresh_process(_litert_benchmark, arguments=[f"--{name}={value}" for name, value in options.items()])


def benchmark_app(artifact: Artifact, batch: int, threads: int, calls: int, folder: Path) -> P50s:
    """Run OpenVINO's benchmark_app."""
    shape = ",".join(map(str, (batch, *INPUT_SHAPE)))
    command = [str(script(BENCHMARK_APP)), "-m", str(artifact.path), "-d", "CPU", "-api", "sync", "-hint", "none"]
    command += ["-nireq", "1", "-nthreads", str(threads), "-infer_precision", "f32", "-ip", "f32"]
    command += ["-shape", f"[{shape}]", "-niter", str(calls)]
    # As in our runtime: no telemetry out of a process beside the one that is measured.
    (folder / "openvino_telemetry.py").write_text("raise ImportError\n", encoding="utf-8")
    printed = _output(command, folder)
    found = re.search(r"Median: +([0-9.]+) (us|ms)", printed)
    assert found, printed
    return {LATENCY: float(found[1]) * UNIT[found[2]]}


def loadgen(artifact: Artifact, batch: int, threads: int, calls: int, folder: Path) -> P50s:
    """Run LoadGen's SingleStream on our ONNX Runtime, and then what tells the parts of its figure, in one process."""
    sizes = {"batch": batch, "threads": threads, "calls": calls}
    return _in_fresh_process(_loadgen, artifact=_sent(artifact), folder=str(folder), **sizes)


def _sent(artifact: Artifact) -> dict[str, Any]:
    return artifact.model_dump(mode="json")


def _in_fresh_process(function: Callable[..., P50s], **arguments: Any) -> P50s:
    command = [sys.executable, "-P", "-m", "benchmarks.native", function.__name__, json.dumps(arguments)]
    p50s: P50s = json.loads(_output(command, ROOT).splitlines()[-1])
    return p50s


def _output(command: list[str], path: Path) -> str:
    paths = os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


# What follows runs in the fresh process.


def _litert_benchmark(arguments: list[str]) -> P50s:
    """Do what the script does, but for the rounding of the report to 10 us, which is more than some calls."""
    tool: Any = importlib.import_module(LITERT_MODULE)
    tool.round = lambda value, digits: value
    sys.argv = [LITERT_BENCHMARK, *arguments]
    tool.main()
    report = next(word.partition("=")[2] for word in arguments if word.startswith("--result_json="))
    return {RUN_BY_NAME: json.loads(Path(report).read_text(encoding="utf-8"))["latency"]["median_ms"] / 1e3}


def _load(artifact: dict[str, Any], runtime: str, batch: int, threads: int) -> tuple[Any, list[Any]]:
    loaded = RUNTIMES[runtime](Artifact.model_validate(artifact), device="cpu", threads=threads, batch_size=batch)
    images = np.random.default_rng(0).random((max(IMAGES, 4 * batch), *INPUT_SHAPE), np.float32)
    return loaded, [loaded.encode(images[start : start + batch]) for start in range(0, len(images), batch)]


def _ours(artifact: dict[str, Any], runtime: str, batch: int, threads: int) -> P50s:
    loaded, tensors = _load(artifact, runtime, batch, threads)
    tape = Tape(tensors)

    def by_our_clock(run: Callable[[Any], Any]) -> Slice:
        warm_up(run, tape, EFFORT)
        return lambda seconds: sample(run, tape, seconds, CALLS)

    paths = {CALL: by_our_clock(loaded.run), **PATHS[runtime](loaded, tape, by_our_clock)}
    times: dict[str, list[Times]] = {path: [] for path in paths}
    for _ in range(ROUNDS):
        for path, slice in paths.items():
            times[path].append(slice(EFFORT.burst_s))
    return {path: float(np.median(np.concatenate(slices))) / 1e9 for path, slices in times.items()}


def _litert_paths(runtime: Any, tape: Tape, by_our_clock: Callable[..., Slice]) -> dict[str, Slice]:
    """The Interpreter without its copies, and the CompiledModel as litert-benchmark makes and calls it."""
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator
    from ai_edge_litert.options import CpuOptions, Options

    options = Options(HardwareAccelerator.CPU, CpuOptions(num_threads=runtime.threads))
    model = CompiledModel.from_file(str(runtime.artifact.path), options=options)
    key = next(iter(model.get_signature_list()))
    inputs = {name: model.create_input_buffer_by_name(key, name) for name in model.get_input_tensor_details(key)}
    outputs = {name: model.create_output_buffer_by_name(key, name) for name in model.get_output_tensor_details(key)}
    for buffer in inputs.values():
        buffer.write(tape.take())
    return {
        INVOKE: by_our_clock(lambda tensor: runtime._interpreter.invoke()),
        RUN_BY_NAME: by_our_clock(lambda tensor: model.run_by_name(key, inputs, outputs)),
    }


def _openvino_paths(runtime: Any, tape: Tape, by_our_clock: Callable[..., Slice]) -> dict[str, Slice]:
    """Our runtime's own request without the copies, by our clock and by OpenVINO's."""
    request = runtime._request

    def by_its_clock(seconds: float) -> Times:
        milliseconds: list[float] = []

        def run(tensor: Any) -> None:
            request.infer()
            milliseconds.append(request.latency)

        sample(run, tape, seconds, CALLS)
        return (np.array(milliseconds) * 1e6).astype(np.int64)

    return {INFER: by_our_clock(lambda tensor: request.infer()), LATENCY: by_its_clock}


class _WorkingTape(Tape):
    """Does something between the calls: a few microseconds of other code."""

    def take(self) -> Any:
        json.dumps({"work": [1, 2.5, "x"] * 5})
        return super().take()


def _onnxruntime_paths(runtime: Any, tape: Tape, by_our_clock: Callable[..., Slice]) -> dict[str, Slice]:
    working = _WorkingTape([tape.take() for _ in range(IMAGES)])
    return {AFTER_WORK: lambda seconds: sample(runtime.run, working, seconds, CALLS)}


PATHS: dict[str, Callable[..., dict[str, Slice]]] = {
    "onnxruntime": _onnxruntime_paths,
    "litert": _litert_paths,
    "openvino": _openvino_paths,
}


def _loadgen(artifact: dict[str, Any], batch: int, threads: int, calls: int, folder: str) -> P50s:
    loaded, tensors = _load(artifact, "onnxruntime", batch, threads)
    tape = Tape(tensors)
    warm_up(loaded.run, tape, EFFORT)
    import mlperf_loadgen as lg

    def complete(query: Any) -> None:
        lg.QuerySamplesComplete([lg.QuerySampleResponse(query.id, 0, 0)])

    def run(query: Any) -> None:
        loaded.run(tape.take())
        complete(query)

    def complete_and_run(query: Any) -> None:
        complete(query)
        loaded.run(tape.take())

    def p50(answer: Callable[[Any], None], queries: int) -> float:
        return _single_stream(answer, queries, Path(folder))

    return {CALL: p50(run, calls), BRIDGE: p50(complete_and_run, calls), NULL: p50(complete, NULL_QUERIES)}


def _single_stream(answer: Callable[[Any], None], queries: int, folder: Path) -> float:
    """Return the p50 of LoadGen's summary. A query is a batch; they come in the order of our own tape."""
    import mlperf_loadgen as lg

    def issue(samples: list[Any]) -> None:
        for query in samples:
            answer(query)

    settings = lg.TestSettings()
    settings.scenario, settings.mode = lg.TestScenario.SingleStream, lg.TestMode.PerformanceOnly
    settings.min_duration_ms, settings.min_query_count, settings.max_query_count = 0, queries, queries
    output = lg.LogOutputSettings()
    output.outdir, output.copy_summary_to_stdout = str(folder), False
    log = lg.LogSettings()
    log.log_output, log.enable_trace = output, False
    system, library = lg.ConstructSUT(issue, _nothing), lg.ConstructQSL(IMAGES, IMAGES, _nothing, _nothing)
    lg.StartTestWithLogSettings(system, library, settings, log, "")
    lg.DestroyQSL(library)
    lg.DestroySUT(system)
    summary = (folder / "mlperf_log_summary.txt").read_text(encoding="utf-8")
    found = re.search(r"^50.00 percentile latency \(ns\) *: (\d+)$", summary, re.MULTILINE)
    assert found, summary
    return int(found[1]) / 1e9


def _nothing(*arguments: Any) -> None:
    pass


if __name__ == "__main__":
    functions: dict[str, Callable[..., P50s]] = {f.__name__: f for f in (_ours, _loadgen, _litert_benchmark)}
    print(json.dumps(functions[sys.argv[1]](**json.loads(sys.argv[2]))))
