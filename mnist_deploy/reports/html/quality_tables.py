"""The page's tables of what the networks answer: parity with Keras, and training."""

from collections.abc import Sequence

from mnist_deploy.parity import ParityRow
from mnist_deploy.reports import trainings
from mnist_deploy.reports.html.cells import name_columns
from mnist_deploy.reports.html.grid import Cell, Column, Grid, Row, number, text
from mnist_deploy.reports.layout import who
from mnist_deploy.reports.tables import parity_notes
from mnist_deploy.reports.units import seconds
from mnist_deploy.results import TrainingRow


def parity(network: str, rows: Sequence[ParityRow]) -> Grid:
    """Return agreement with Keras; a row that failed or has a warning is marked, and its reasons stand below."""
    columns = (
        *name_columns(),
        Column("parity", meaning="verdict of the parity gate"),
        Column("accuracy", True, "on the test set"),
        Column("95 %", True, "Wilson's interval of the accuracy; sorts by its lower end"),
        Column("change", True, "of the accuracy, against Keras"),
        Column("p", True, "McNemar's exact test that the change is chance"),
        Column("lost", True, "images that Keras has right and the artifact wrong"),
        Column("gained", True, "images that Keras has wrong and the artifact right"),
        Column("altered", True, "images that both have wrong, but differently"),
        Column("max error", True, "of a score, against Keras's"),
        Column("mean KL", True, "Kullback-Leibler divergence of the scores from Keras's, in nats"),
        Column("gate", meaning="the limits that it was checked against"),
    )
    body = [
        Row(
            (
                *map(text, who(one)),
                text(one.verdict),
                number(one.accuracy, _four),
                Cell(f"{one.accuracy_low:.4f}-{one.accuracy_high:.4f}", repr(one.accuracy_low)),
                number(one.accuracy_change, "{:+.4f}".format),
                number(one.mcnemar_p, "{:.2g}".format),
                *(number(len(flips), _count) for flips in (one.lost, one.gained, one.altered)),
                number(one.max_abs_error, _error),
                number(one.mean_kl, _error),
                text(one.gate),
            ),
            not one.passed,
            bool(one.warnings),
        )
        for one in rows
    ]
    notes = [
        "95 %: Wilson's interval. change, p: against Keras, by McNemar's exact test. lost, gained, altered: images "
        "whose class changed; Keras alone has them right, the artifact alone, or neither.",
        *(f"{note}." for note in parity_notes(rows)),
    ]
    caption = f"{network}: agreement with the Keras scores over {rows[0].images:,} test images"
    return Grid(caption, columns, body, notes)


def training(rows: Sequence[TrainingRow]) -> Grid:
    """Return what was reached on the test set, against what the notebook reports where that is of the same data."""
    with_reported = trainings.has_reported(rows)
    columns = (
        Column("network"),
        Column("accuracy", True, "on the test set"),
        *(_reported("accuracy", "acc. reported") if with_reported else ()),
        Column("loss", True, "on the test set"),
        *(_reported("loss", "loss reported") if with_reported else ()),
        Column("epochs", True),
        Column("seed", True),
        Column("time", True),
        Column("kept", absent="all of them were trained by this run"),
    )
    body = [
        Row(
            (
                text(one.architecture),
                number(one.test_accuracy, _four),
                *(_against(one.test_accuracy, one.reported_accuracy, one.caveat) if with_reported else ()),
                number(one.test_loss, _four),
                *(_against(one.test_loss, one.reported_loss) if with_reported else ()),
                number(one.epochs, _count),
                number(one.seed, _count),
                number(one.duration_s, seconds),
                text("kept" if one.kept else ""),
            )
        )
        for one in rows
    ]
    return Grid(trainings.title(rows), columns, body, trainings.notes(rows))


def _reported(figure: str, name: str) -> tuple[Column, Column]:
    return Column(name, True, "by the notebook"), Column(f"Δ {figure}", True, f"{figure} less the reported one")


def _against(reached: float, reported: float | None, caveat: str | None = None) -> tuple[Cell, Cell]:
    """Return the reported figure, with an ! where it misleads, and how far what was reached lies above it."""
    if reported is None:
        return number(None, _four), number(None, _four)
    figure = Cell(f"{reported:.4f}{'!' if caveat else ''}", repr(reported))
    return figure, number(reached - reported, "{:+.4f}".format)


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _four(value: float) -> str:
    return f"{value:.4f}"


def _error(value: float) -> str:
    return f"{value:.1e}"
