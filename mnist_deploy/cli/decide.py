"""Commands that decide from results: recommend."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_deploy.cli import choices, meaning, options
from mnist_deploy.cli.places import place

REQUIREMENTS, CANDIDATES = "Requirements", "Candidates"
ResultsOption = Annotated[
    list[Path] | None,
    typer.Option("--results", metavar="PATH", parser=place("--results"), rich_help_panel=CANDIDATES,
                 help="Results to choose from: files, or a folder of them; repeatable. [default: the newest]"),
]  # fmt: skip
MeasuredVariantOption = Annotated[
    list[str] | None,
    typer.Option("--variant", metavar="VARIANT", rich_help_panel=CANDIDATES,
                 autocompletion=options.of(choices.variants),
                 help=f"{options.VARIANTS_HELP} or all; repeatable. [default: all that were measured]"),
]  # fmt: skip
PreferOption = Annotated[
    str,
    typer.Option("--prefer", metavar="WHAT", rich_help_panel=REQUIREMENTS,
                 autocompletion=options.of(choices.preferences),
                 help="What to optimize within the requirements: latency, throughput, size or accuracy."),
]  # fmt: skip


def recommend(
    names: options.NamesArgument = None,
    max_latency: Annotated[
        str | None,
        typer.Option(metavar="TIME", rich_help_panel=REQUIREMENTS, help="Maximum p50 latency per call: 50us, 2ms."),
    ] = None,
    min_accuracy: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE", rich_help_panel=REQUIREMENTS, help="Minimum accuracy on the test images: 0.985 or 98.5%."
        ),
    ] = None,
    max_accuracy_drop: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            rich_help_panel=REQUIREMENTS,
            help="Maximum accuracy below the best measured: 1%, 0.01 or none. [default: 1%; none with --min-accuracy]",
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            rich_help_panel=REQUIREMENTS,
            help="Maximum size of the artifact: 100KB is 100,000 bytes, 100KiB 102,400.",
        ),
    ] = None,
    max_memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", rich_help_panel=REQUIREMENTS, help="Maximum memory of library and model in use: 50MB."
        ),
    ] = None,
    min_throughput: Annotated[
        str | None,
        typer.Option(metavar="RATE", rich_help_panel=REQUIREMENTS, help="Minimum images per second: 20000, 20k."),
    ] = None,
    max_install_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            rich_help_panel=REQUIREMENTS,
            help="Maximum install size of the runtime with its dependencies: 100MB.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=options.MAX_BATCH,
            rich_help_panel=CANDIDATES,
            help="Images per call. [default: the smallest measured, or any for throughput]",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="DEVICE",
            rich_help_panel=CANDIDATES,
            help="Device: cpu or gpu. [default: any]",
            autocompletion=options.of(choices.devices),
        ),
    ] = None,
    variant: MeasuredVariantOption = None,
    prefer: PreferOption = "latency",
    ignore_gates: Annotated[
        bool,
        typer.Option(
            "--ignore-gates",
            rich_help_panel=CANDIDATES,
            help="Also consider artifacts that failed their parity gate or were not verified.",
        ),
    ] = False,
    results: ResultsOption = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Choose the artifact, runtime and threads to deploy.

    Chooses among measured results, and says why. Exit 1 if nothing meets the requirements.
    """
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
