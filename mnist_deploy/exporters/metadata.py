"""What an exported file says of itself: how to use it, and the model that it was made of.

The keys, which are the same in every format:

    class_names      the classes in the order of the output
    input_name       the name of the input
    input_shape      its shape, the batch by the name of its axis
    input_scaling    'pixel / 255', or 'none' for a model that takes pixels as stored; where a TFLite input is int8, it
                     is quantized after this, by the scale and zero point that the file gives for it
    architecture     the network
    source_sha256    SHA-256 of the Keras model that it was exported from
    test_accuracy    the accuracy of that Keras model on the test images

The same model gives the same bytes, so there are no dates and no paths among them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Variant
from mnist_deploy.dataset import CLASSES, WHITE
from mnist_deploy.training import BATCH_AXIS, INPUT_NAME


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a trained model, for the files that are exported from it.

    Attributes:
        architecture: the name of the network.
        source_sha256: SHA-256 of its .keras file.
        test_accuracy: the share of the test images that it classifies correctly.
    """

    architecture: str
    source_sha256: str
    test_accuracy: float


def describe(variant: Variant, facts: ModelFacts | None) -> dict[str, Any]:
    """Return the metadata of an artifact; what would come from `facts` is left out where they are None."""
    return {
        "class_names": [str(digit) for digit in range(CLASSES)],
        "input_name": INPUT_NAME,
        "input_shape": [BATCH_AXIS, *INPUT_SHAPE],
        "input_scaling": "none" if variant.uint8 else f"pixel / {WHITE}",
        **(asdict(facts) if facts else {}),
    }


def as_text(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return metadata for a format that takes text only: lists and numbers as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
