"""What images show, as a table."""

from collections.abc import Sequence

from rich.console import RenderableType

from mnist_deploy.pipeline.predicting import Prediction
from mnist_deploy.reports.layout import row, table, titled


def predictions(made: Sequence[Prediction], label: str) -> RenderableType:
    """Return each image that could be read with its three most probable digits, and cautions where there are any."""
    cautioned = any(one.cautions for one in made)
    body = table(("image",), ("first", "second", "third"), ("caution",) if cautioned else ())
    for one in made:
        if one.classes:
            cells = [f"{guess.digit}  {guess.probability:6.1%}" for guess in one.classes]
            body.add_row(*row((one.image, *cells, *(["; ".join(one.cautions)] if cautioned else []))))
    return titled(f"Digits by {label}", body)
