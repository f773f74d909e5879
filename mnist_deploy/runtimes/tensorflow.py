"""TensorFlow, running a SavedModel by its signature; and what the Keras runtimes share with it."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.errors import UnavailableError
from mnist_deploy.runtimes.base import Runtime
from mnist_deploy.training import INPUT_NAME, OUTPUT_NAME


class TensorFlowBase(Runtime):
    """Sets TensorFlow's device and threads, which belong to the process and not to a session."""

    devices = ("cpu", "gpu")
    module = "tensorflow"
    distributions = ("tensorflow",)
    gpu_distribution = "tensorflow[and-cuda]"
    # By default it takes all memory of a GPU at once, and nobody could tell what a model needs.
    environment: ClassVar[Mapping[str, str]] = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Configure the process; a second configuration must equal the first."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        configure(device, threads)

    @classmethod
    def built_for_gpu(cls) -> bool:
        """Ask TensorFlow how it was built: on Linux for x86 its plain package is, and lacks only CUDA's libraries."""
        import tensorflow as tf

        return bool(tf.test.is_built_with_cuda())

    @classmethod
    def sees_gpu(cls) -> bool:
        """Ask TensorFlow for its physical devices."""
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))

    @abstractmethod
    def call(self, tensor: Any) -> Any:
        """Compute one batch and return TensorFlow's own tensor, which knows its device."""

    def executed_on(self) -> str:
        """Return TensorFlow's name of the device that holds the output of a batch of zeros: 'CPU:0', 'GPU:0'."""
        zeros = np.zeros((self.batch_size, *INPUT_SHAPE), self.input_type)
        return str(self.call(zeros).device).rpartition("/device:")[2]


class TensorFlowRuntime(TensorFlowBase):
    """Calls the signature 'serving_default' of a SavedModel."""

    name = "tensorflow"
    title = "TensorFlow"
    formats = ("saved_model",)
    timed_call = "the concrete function of signature serving_default, then numpy()"
    order = 3

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Load the SavedModel."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        import tensorflow as tf

        # The loaded object must live as long as its signature: it owns the variables.
        self._loaded = tf.saved_model.load(str(artifact.path))
        self._signature = self._loaded.signatures["serving_default"]

    def call(self, tensor: Any) -> Any:
        """Call the signature by keyword, which is its documented form."""
        return self._signature(**{INPUT_NAME: tensor})[OUTPUT_NAME]

    def run(self, tensor: Any) -> Any:
        """Call the signature and fetch its output, which waits until it is computed."""
        return self.call(tensor).numpy()


def configure(device: str, threads: int | None) -> None:
    """Give this process's TensorFlow its device and its number of threads.

    Raises:
        UnavailableError: TensorFlow was started in this process with other ones; they cannot be changed.
    """
    import tensorflow as tf

    wanted = [] if device == "cpu" else tf.config.list_physical_devices("GPU")
    try:
        if tf.config.get_visible_devices("GPU") != wanted:
            tf.config.set_visible_devices(wanted, "GPU")
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            # One op after another: these networks are chains.
            tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise UnavailableError(
            f"TensorFlow already runs in this process with another device or number of threads than {device}, "
            f"{threads}; use a fresh process"
        ) from error
    if device == "gpu" and not wanted:
        raise UnavailableError('TensorFlow sees no GPU; run: pip install "tensorflow[and-cuda]"')
