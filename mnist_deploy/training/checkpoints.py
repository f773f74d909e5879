"""What a training that is interrupted goes on from: everything it hangs on, after each finished epoch.

The file is an .npz without pickles: `about`, JSON text with the history and the seconds so far;
`variable.<number>`, those of the network and then of its optimizer. With them the epochs that follow are the same, bit
for bit, as if nothing had happened: each epoch's order hangs on seed and number alone. Settings and versions of the
libraries stand in the file's name.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_deploy import files
from mnist_deploy.training.records import Settings
from mnist_deploy.versions import versions

History = dict[str, list[float]]
LIBRARIES = ("tensorflow", "keras", "numpy")


@dataclass(frozen=True)
class Checkpoint:
    """A training after its last finished epoch.

    Attributes:
        history: a list of one value an epoch for 'loss' and 'accuracy'.
        duration_s: how long the epochs took, in all processes that took part.
        variables: of the network and its optimizer, in Keras's order; none before the first epoch.
    """

    history: History = field(default_factory=lambda: {"loss": [], "accuracy": []})
    duration_s: float = 0.0
    variables: Sequence[npt.NDArray[Any]] = ()

    @property
    def epochs(self) -> int:
        """How many are finished."""
        return len(self.history["loss"])

    def fits(self, variables: Sequence[Any]) -> bool:
        """Tell whether it is of as many `variables`, of the same shapes."""
        return [one.shape for one in self.variables] == [tuple(one.shape) for one in variables]


def name(settings: Settings) -> str:
    """Return the file's name: one for each training whose epochs would be the same with the libraries that are here."""
    about = settings.model_dump(mode="json", exclude={"epochs"}) | versions(*LIBRARIES)
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16] + ".npz"


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write the file, whole or not at all."""
    about = json.dumps({"history": checkpoint.history, "duration_s": checkpoint.duration_s})
    arrays = {f"variable.{number}": value for number, value in enumerate(checkpoint.variables)}
    with files.replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, about=np.array(about), **arrays)


def load(path: Path, settings: Settings) -> Checkpoint | None:
    """Return what is at `path` of a training with `settings`; None if nothing is, or it is damaged or goes further."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            count = len(archive.files) - 1
            variables = [archive[f"variable.{number}"] for number in range(count)]
            found = Checkpoint(about["history"], float(about["duration_s"]), variables)
    except Exception:  # numpy and zipfile raise half a dozen kinds for a damaged archive, which is worth nothing
        return None
    whole = set(found.history) == {"loss", "accuracy"} and found.epochs == len(found.history["accuracy"])
    return found if whole and 0 < found.epochs <= settings.epochs else None
