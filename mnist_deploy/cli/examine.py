"""Commands that examine: diagnose an artifact, profile its time, doctor this machine."""

from typing import Annotated

import typer

from mnist_deploy import resource_limits
from mnist_deploy.cli import effort, finish, meaning, options

ImagesOption = Annotated[
    int, typer.Option("--images", metavar="N", min=64, max=1000, help="Number of test images, from the first.")
]


def diagnose(
    name: options.OneNameArgument,
    format: options.OneFormatOption,
    precision: options.OnePrecisionOption = "float32",
    variant: options.OneVariantOption = "standard",
    runtime: options.OneRuntimeOption = None,
    images: ImagesOption = 64,
    data: options.DataOption = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Find the layer where an artifact departs from its Keras model.

    Compares the outputs layer by layer. For float16, dynamic and int8 the error is split into that of conversion and
    that of quantization. Exit 1 if a layer is over its tolerance.
    """
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.pipeline import diagnosing
    from mnist_deploy.reports import layout
    from mnist_deploy.reports.diagnosis import diagnosis

    resource_limits.require_for_tensorflow()
    question = meaning.question(name, format, precision, runtime, images, variant)
    record = diagnosing.diagnose(meaning.store(artifacts), meaning.dataset(data), question, meaning.progress())
    if json:
        typer.echo(record.model_dump_json(indent=1))
    else:
        layout.console().print(diagnosis(record))
    if record.first:
        raise FailedCheckError(f"{question.label}: past tolerance from layer {record.first} on; see above")


def profile(
    names: options.NamesArgument = None,
    format: options.ArtifactFormatOption = None,
    precision: options.ProfiledPrecisionOption = None,
    variant: options.VariantOption = None,
    runtime: options.ProfiledRuntimeOption = None,
    batch_size: Annotated[
        list[int] | None,
        typer.Option(
            "--batch-size", metavar="N", min=1, max=options.MAX_BATCH, help="Images per call; repeatable. [default: 1]"
        ),
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option("--threads", metavar="N", min=1, help="Threads; repeatable. [default: 1]")
    ] = None,
    data: options.DataOption = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Show the time of each operator, and why int8 is slow or fast.

    int8 is compared with float32 operator by operator. Exit 1 if an artifact cannot be profiled.
    """
    from mnist_deploy import environment
    from mnist_deploy.benchmark import schedule
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.pipeline import profiling
    from mnist_deploy.reports import layout, profiles
    from mnist_deploy.results import SkipKind

    # 'all' means all that can be profiled here, not an error for each that cannot.
    wanted = None if runtime and "all" in runtime else runtime
    selection = meaning.selection(names, format, precision or profiling.DEFAULT_PRECISIONS, wanted, None, variant)
    profiling.runtimes(selection.runtimes)
    cores, progress = environment.usable_cores(), meaning.progress()
    meaning.say_capped(threads, cores, progress)
    uses = schedule.uses(batch_size or [1], threads or [1], cores)
    found = profiling.profile(meaning.store(artifacts), meaning.dataset(data), selection, uses, progress)
    if json:
        typer.echo(profiles.as_json(found))
    else:
        layout.console().print(profiles.everything(found))
    failed = [skip for skip in found.skips if skip.kind is SkipKind.FAILED]
    finish.require_resources(skip.reason for skip in failed)
    if failed:
        raise FailedCheckError(f"{len(failed)} artifacts could not be profiled; the first: {failed[0].reason}")


def doctor(
    runtime: options.DoctorRuntimeOption = None,
    device: options.DeviceOption = None,
    time_limit: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Time limit per import or run: 90, 90s, 5m or none. [default: 60s]"),
    ] = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Check which runtimes work here, and how to fix the others.

    Each library is imported in its own process and, if there are artifacts, classifies one image. Exit 1 only if no
    runtime works.
    """
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.pipeline import doctoring
    from mnist_deploy.reports import layout
    from mnist_deploy.reports.doctor import doctor as tables

    limit_s = doctoring.LIMIT_S if time_limit is None else effort.duration_s("--time-limit", time_limit)
    selection = meaning.selection(None, None, None, runtime, device)
    found = doctoring.diagnose(
        meaning.store(artifacts),
        meaning.progress(),
        runtimes=selection.runtimes,
        devices=selection.devices,
        limit_s=limit_s,
    )
    if json:
        typer.echo(found.model_dump_json(indent=1))
    else:
        # A command that is longer than a line must not be cut off.
        layout.console().print(tables(found), crop=False)
    if not found.ready:
        finish.require_resources(state.reason for state in found.runtimes)
        raise FailedCheckError("no runtime is ready; what mends it is said above")
