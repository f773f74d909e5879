"""What the exports of one model share, made once: its signature, its SavedModel, its ONNX graph."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Variant
from mnist_deploy.dataset import WHITE, FloatArray, UInt8Array, unscaled
from mnist_deploy.exporters.metadata import ModelFacts, describe
from mnist_deploy.plugins import Closing
from mnist_deploy.rewriting import rewritten
from mnist_deploy.training import INPUT_NAME, OUTPUT_NAME

T = TypeVar("T")


class Source(Closing):
    """A trained model on its way to any number of formats and precisions; a context manager.

    Attributes:
        model: a built `keras.Model`, float32 (N, 28, 28, 1) -> float32 (N, 10).
        calibration_images: float32 (N, 28, 28, 1) in [0, 1], for int8.
        variant: which variant of each artifact is to be made; an optimized one is made of the rewritten network.
        facts: what is known of the model, for the artifacts' metadata; None leaves it out there.
    """

    def __init__(
        self,
        model: Any,
        calibration_images: FloatArray,
        variant: Variant = Variant.STANDARD,
        facts: ModelFacts | None = None,
    ) -> None:
        """Take the model and the images; everything else is made when it is first asked for."""
        self.model = model
        self.calibration_images = calibration_images
        self.variant = variant
        self.facts = facts
        self._folder = tempfile.TemporaryDirectory(prefix="mnist-deploy-")
        self._made: dict[str, Any] = {}

    def once(self, what: str, make: Callable[[], T]) -> T:
        """Return what `make` returns, made at the first call for `what` alone."""
        if what not in self._made:
            self._made[what] = make()
        return cast(T, self._made[what])

    def folder(self, name: str) -> Path:
        """Return a path that lasts as long as the source; nothing stands there at first."""
        return Path(self._folder.name) / name

    @property
    def calibration_inputs(self) -> FloatArray | UInt8Array:
        """The calibration images as the variant takes them: float32 in [0, 1], or the pixels that they came from."""
        return unscaled(self.calibration_images) if self.variant.uint8 else self.calibration_images

    @property
    def float_input(self) -> "Source":
        """The same with float32 input: for a converter that sets the input's type itself."""
        if not self.variant.uint8:
            return self
        variant = Variant.of(uint8=False, optimized=self.variant.optimized)
        return self.once("float input", lambda: Source(self.model, self.calibration_images, variant, self.facts))

    @property
    def metadata(self) -> dict[str, Any]:
        """What every format writes into its files; see `exporters.metadata`."""
        return describe(self.variant, self.facts)

    @property
    def network(self) -> Any:
        """What the converters are handed: the model, or where the variant is optimized one with less to compute."""
        return self.once("network", lambda: rewritten(self.model) if self.variant.optimized else self.model)

    @property
    def signature(self) -> Any:
        """The model as a `tf.function` with input 'image', any batch, and output 'probabilities'.

        The input is float32 in [0, 1], or pixels, uint8, which are then multiplied by 1/255. `dataset.scaled` divides,
        and so differs by 6e-8 for 126 of the 256 values; but a division by a constant every converter makes a product.
        """
        return self.once("signature", self._signature)

    @property
    def saved_model(self) -> Path:
        """The model as a SavedModel with the one signature 'serving_default', to be read and left alone."""
        return self.once("SavedModel", self._saved_model)

    def close(self) -> None:
        """Remove what was made."""
        if "float input" in self._made:
            self.float_input.close()
        self._made.clear()
        self._folder.cleanup()

    def _signature(self) -> Any:
        import tensorflow as tf

        network, pixels = self.network, self.variant.uint8
        spec = tf.TensorSpec((None, *INPUT_SHAPE), tf.uint8 if pixels else tf.float32, name=INPUT_NAME)

        def serve(image: Any) -> dict[str, Any]:
            scaled = tf.cast(image, tf.float32) * np.float32(1 / WHITE) if pixels else image
            return {OUTPUT_NAME: network(scaled, training=False)}

        return tf.function(serve, input_signature=[spec])

    def _saved_model(self) -> Path:
        import keras

        path = self.folder("saved_model")
        archive = keras.export.ExportArchive()
        archive.track(self.network)
        # With 'serve' as its name the endpoint becomes the default signature too.
        archive.add_endpoint("serve", self.signature)
        archive.write_out(str(path), verbose=False)
        return path
