"""Commands that decide from results: recommend."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_deploy.cli import choices, meaning, options
from mnist_deploy.cli.places import place

ResultsOption = Annotated[
    list[Path] | None,
    typer.Option("--results", metavar="PATH", parser=place("--results"),
                 help="Results to choose from: files, or a folder of them; repeatable. [default: the newest]"),
]  # fmt: skip
MeasuredVariantOption = Annotated[
    list[str] | None,
    typer.Option("--variant", metavar="VARIANT", autocompletion=options.of(choices.variants),
                 help="standard, uint8, plain, uint8-plain or all; repeatable. [default: what was measured]"),
]  # fmt: skip
PreferOption = Annotated[
    str,
    typer.Option("--prefer", metavar="WHAT", autocompletion=options.of(choices.preferences),
                 help="latency, throughput, size or accuracy: what to choose by among all that fits."),
]  # fmt: skip


def recommend(
    names: options.NamesArgument = None,
    max_latency: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of a call at most, by its quiet p50: 50us, 2ms.")
    ] = None,
    min_accuracy: Annotated[
        str | None, typer.Option(metavar="SHARE", help="On the test images at least: 0.985 or 98.5%.")
    ] = None,
    max_accuracy_drop: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="Below the best accuracy at most: 1%, 0.01, or none. [default: 1%; none with --min-accuracy]",
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Of the artifact at most: 100KB is 100,000 bytes, 100KiB 102,400."),
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Of library and model in the process at most: 50MB.")
    ] = None,
    min_throughput: Annotated[
        str | None, typer.Option(metavar="RATE", help="Images a second at least, by the quiet p50: 20000, 20k.")
    ] = None,
    max_install_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Of the runtime and all that it requires at most: 100MB.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=options.MAX_BATCH,
            help="Images a call. [default: the fewest measured; any for throughput]",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="DEVICE", help="cpu or gpu. [default: any]", autocompletion=options.of(choices.devices)),
    ] = None,
    variant: MeasuredVariantOption = None,
    prefer: PreferOption = "latency",
    ignore_gates: Annotated[
        bool, typer.Option("--ignore-gates", help="Choose among what failed its parity gate, or has none, too.")
    ] = False,
    results: ResultsOption = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Choose what to deploy from what was measured: artifact, runtime and threads, and why; exit 1 if nothing fits."""
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.pipeline import recommending
    from mnist_deploy.reports import layout
    from mnist_deploy.reports.misses import missed
    from mnist_deploy.reports.recommendation import recommendation

    wishes = meaning.wishes(
        max_latency=max_latency,
        min_accuracy=min_accuracy,
        max_accuracy_drop=max_accuracy_drop,
        max_size=max_size,
        max_memory=max_memory,
        min_throughput=min_throughput,
        max_install_size=max_install_size,
        batch_size=batch_size,
        device=device,
        prefer=prefer,
        ignore_gates=ignore_gates,
    )
    variants = meaning.variants(variant)
    advice = recommending.advise(meaning.store(artifacts), wishes, meaning.networks(names), results, variants)
    found = advice.recommendation
    if json:
        typer.echo(found.model_dump_json(indent=1))
    else:
        # A command that is longer than a line must not be cut off.
        layout.console().print(recommendation(advice), crop=False)
    if found.chosen is None:
        near = found.nearest[0]
        raise FailedCheckError(f"nothing keeps every limit; nearest: {near.candidate.label}: {missed(near)}")
