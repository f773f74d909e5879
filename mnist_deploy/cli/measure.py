"""Commands that check and measure: run, verify, bench."""

from typing import TYPE_CHECKING, Annotated

import typer

from mnist_deploy import resource_limits
from mnist_deploy.cli import effort, finish, meaning, options
from mnist_deploy.cli.help_pages import DURATION, MEASUREMENT

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_deploy.artifacts import ArtifactStore
    from mnist_deploy.dataset import Dataset
    from mnist_deploy.pipeline.selection import Selection
    from mnist_deploy.results import Results

BENCH = "mnist-deploy bench"


def run(
    names: options.NamesArgument = None,
    quick: Annotated[bool, typer.Option("--quick", help="Train for one epoch, and measure briefly.")] = False,
    gate: options.GateOption = None,
    emulate: options.AutomaticEmulateOption = None,
    seed: options.SeedOption = 0,
    compute_dtype: options.ComputeDtypeOption = "auto",
    data: options.DataOption = None,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Train, export, verify and measure everything.

    Finished work is kept, so an interrupted run can be started again. Exit 1 if an artifact fails its parity gate.
    """
    from mnist_deploy.architectures import ARCHITECTURES
    from mnist_deploy.pipeline import running
    from mnist_deploy.pipeline.selection import Selection
    from mnist_deploy.pipeline.training import TrainingOptions

    resource_limits.require_for_tensorflow()
    wanted, gates = meaning.networks(names) or list(ARCHITECTURES), meaning.gates(gate)
    training = TrainingOptions(seed=seed, compute_dtype=meaning.compute_dtype(compute_dtype))
    emulation = meaning.automatic_emulation(emulate)
    store, loaded, progress = meaning.store(artifacts), meaning.dataset(data, training=True), meaning.progress()
    with store.claimed("mnist-deploy run", progress, makes=True):
        results = running.begun("run", store, loaded, Selection(architectures=wanted), progress, quick=quick)
        running.run(store, loaded, wanted, training, results, progress, gates, emulation)
        _finish(store, results, as_json=False)
    _require_passed(results)


def verify(
    names: options.NamesArgument = None,
    format: options.ArtifactFormatOption = None,
    runtime: options.RuntimeOption = None,
    precision: options.PrecisionOption = None,
    variant: options.VariantOption = None,
    device: options.DeviceOption = None,
    gate: options.GateOption = None,
    emulate: options.EmulateOption = None,
    emulate_time: options.EmulateTimeOption = None,
    data: options.DataOption = None,
    results_folder: options.ResultsFolderOption = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Check that every artifact answers as its Keras model does.

    Each artifact runs on all test images, in every runtime that takes it. Exit 1 if one fails its parity gate.
    """
    from mnist_deploy.pipeline import processors, running, verifying

    emulation = meaning.emulation(emulate, emulate_time)
    selection, gates = meaning.selection(names, format, precision, runtime, device, variant), meaning.gates(gate)
    store, loaded, progress = meaning.store(artifacts, results_folder), meaning.dataset(data), meaning.progress()
    with finish.saving_results(store, "mnist-deploy verify", progress):
        results = running.begun("verify", store, loaded, selection, progress, quick=False)
        verifying.verify(store, loaded, selection, results, progress, gates)
        if emulation is not None:
            cells = processors.cells_of(store, loaded, selection)
            rows, skips = processors.check_processors(store, loaded, cells, emulation, progress)
            results.processors = rows
            results.leave_out(skips)
        _finish(store, results, as_json=json)
    _require_passed(results)


def bench(
    names: options.NamesArgument = None,
    format: options.ArtifactFormatOption = None,
    runtime: options.RuntimeOption = None,
    precision: options.PrecisionOption = None,
    variant: options.VariantOption = None,
    device: options.DeviceOption = None,
    batch_size: options.BatchOption = None,
    threads: options.ThreadsOption = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="RUNTIME[:PRECISION]",
            rich_help_panel=MEASUREMENT,
            help="Baseline runtime for speed-ups. [default: keras-predict]",
        ),
    ] = None,
    end_to_end: Annotated[
        bool,
        typer.Option("--end-to-end", rich_help_panel=MEASUREMENT, help="Measure from uint8 pixels to class labels."),
    ] = False,
    self_check: Annotated[
        bool,
        typer.Option(
            "--self-check",
            rich_help_panel=MEASUREMENT,
            help="Check the benchmark itself: its overhead, an A/A comparison and a bare loop.",
        ),
    ] = False,
    quick: options.QuickOption = False,
    rigorous: options.RigorousOption = False,
    time_limit: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            rich_help_panel=DURATION,
            help="Maximum measuring time: 90, 90s, 5m or none. [default: 240s]",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", rich_help_panel=DURATION, help="Resume the newest interrupted bench, with its own options."
        ),
    ] = False,
    data: options.DataOption = None,
    results_folder: options.ResultsFolderOption = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Measure latency and throughput of every artifact.

    Each artifact runs in every runtime that takes it. By default latency is measured with batch 1 on one thread, and
    throughput with batch 256 on all cores.
    """
    from mnist_deploy import environment
    from mnist_deploy.benchmark import schedule
    from mnist_deploy.pipeline import benching, running

    how: dict[str, object] = {
        "--quick": quick, "--rigorous": rigorous, "--end-to-end": end_to_end, "--time-limit": time_limit,
        "--baseline": baseline, "--batch-size": batch_size, "--threads": threads,
    }  # fmt: skip
    if resume:
        what: dict[str, object] = {
            "NAME": names, "--format": format, "--runtime": runtime, "--precision": precision, "--variant": variant,
            "--device": device, "--self-check": self_check,
        }  # fmt: skip
        effort.nothing_besides("--resume goes on with what was asked for then", what | how)
        _resume(meaning.store(artifacts, results_folder), meaning.dataset(data), as_json=json)
        return
    if self_check:
        effort.nothing_besides("--self-check has a plan of its own", how)
    selection = meaning.selection(names, format, precision, runtime, device, variant)
    plan = effort.plan(quick=quick, rigorous=rigorous, time_limit=time_limit, end_to_end=end_to_end)
    against = meaning.baseline(baseline)
    cores = environment.usable_cores()
    uses = schedule.uses(batch_size, threads, cores)
    store, loaded, progress = meaning.store(artifacts, results_folder), meaning.dataset(data), meaning.progress()
    results = running.new_results("bench", loaded, quick=quick)
    if self_check:
        _self_check(selection, store, loaded, results, as_json=json)
        return
    meaning.say_capped(threads, cores, progress)
    with finish.saving_results(store, BENCH, progress):
        benching.bench(store, loaded, selection, uses, results, progress, plan, against)
        _finish(store, results, as_json=json)
    _require_measured(results)


def _resume(store: "ArtifactStore", dataset: "Dataset", *, as_json: bool) -> None:
    from mnist_deploy.pipeline import resuming

    progress = meaning.progress()
    with finish.saving_results(store, BENCH, progress):
        results = resuming.resume(store, dataset, progress)
        _finish(store, results, as_json=as_json)
    # A run that was interrupted while it measured ends here, and says what it would have said.
    if results.command == "run":
        _require_passed(results)
    else:
        _require_measured(results)


def _self_check(
    selection: "Selection", store: "ArtifactStore", dataset: "Dataset", results: "Results", *, as_json: bool
) -> None:
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.pipeline import checking

    progress = meaning.progress()
    with finish.saving_results(store, BENCH, progress):
        checking.self_check(store, dataset, selection, results, progress)
        _finish(store, results, as_json=as_json)
    finish.require_resources(skip.reason for skip in results.skips)
    if not results.checks:
        raise FailedCheckError("self-check: it could not be measured; see the red lines under the table")
    wrong = [check.name for check in results.checks if not check.passed]
    if wrong:
        raise FailedCheckError(f"self-check: {', '.join(wrong)} failed; quiet the machine and run it again")


def _finish(store: "ArtifactStore", results: "Results", *, as_json: bool) -> None:
    """Save the results as complete, and print them."""
    from mnist_deploy.reports import layout, tables

    results.complete = True
    path = results.save(store.results)
    if as_json:
        typer.echo(results.text(), nl=False)
    else:
        console = layout.console()
        console.print(tables.everything(results))
        console.print(f"Results: {path}", soft_wrap=True)
        if results.command == "run":
            _summarize(store, results, path)


def _summarize(store: "ArtifactStore", results: "Results", path: "Path") -> None:
    """Print what a run came to."""
    from mnist_deploy.decisions.records import Wishes
    from mnist_deploy.pipeline import recommending
    from mnist_deploy.reports import layout
    from mnist_deploy.reports.run_summary import run_summary

    advice = recommending.advise(store, Wishes(), paths=[path]) if results.measurements else None
    console = layout.console()
    console.print()
    # A command that is longer than a line must not be cut off.
    console.print(run_summary(results, advice), crop=False)


def _require_measured(results: "Results") -> None:
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.pipeline import benching

    finish.require_resources(skip.reason for skip in results.skips)
    if not results.measurements:
        raise FailedCheckError("nothing could be measured; see what was left out, and why")
    if not benching.succeeded(results):
        raise FailedCheckError("some measurements failed; see the red lines under the tables")


def _require_passed(results: "Results") -> None:
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.kinds import kind
    from mnist_deploy.pipeline import verifying

    if verifying.passed(results):
        return
    bad = [row for row in results.parity if not row.passed]
    if not bad:
        finish.require_resources(skip.reason for skip in results.skips)
        finish.require_same_answers(results.processors)
        raise FailedCheckError("artifacts are stale, or could not be loaded; see above")
    first = f"{bad[0].architecture} {kind(bad[0])} in {bad[0].runtime} {bad[0].failures[0]}"
    raise FailedCheckError(
        f"{len(bad)} of {len(results.parity)} rows fail their gate; the first: {first}; "
        "see the red rows, and --gate for other limits"
    )
