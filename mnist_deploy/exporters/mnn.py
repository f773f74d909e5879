"""MNN, Alibaba's format for mobile devices, in float32 and with float16 weights."""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mnist_deploy.artifacts import Precision
from mnist_deploy.errors import ArtifactError
from mnist_deploy.exporters.base import Exporter
from mnist_deploy.exporters.onnx import OnnxExporter, float32
from mnist_deploy.exporters.source import Source

# Without the module that it takes for None, MNN's tool runs `pip install` for what sends telemetry, and sends it. The
# tool also prints, and writes to the working directory: so it gets a process and a folder of its own.
CONVERTER = """
import sys; sys.modules["MNN.tools.utils.log"] = None
from MNN.tools import mnnconvert; mnnconvert.convert(sys.argv)
import MNN; open("identifier", "w").write(MNN.get_model_uuid("model.mnn"))
"""
TARGET, IDENTIFIER = "model.mnn", "identifier"


class MnnExporter(Exporter):
    """A flatbuffer that MNN's converter makes of the float32 ONNX model; the same ONNX file gives the same bytes.

    Input 'image' (batch, 28, 28, 1), float32 or uint8 by the variant, and output 'probabilities' float32 (batch, 10);
    float16 stores weights as float16.
    """

    format = "mnn"
    suffix = ".mnn"
    precisions = (Precision.FLOAT32, Precision.FLOAT16)
    distributions = ("tensorflow", "keras", "tf2onnx", "onnx", "MNN")
    on_request = True
    order = 5

    @classmethod
    def modules(cls, precision: Precision) -> Sequence[str]:
        """What the ONNX model needs, and the converter, which is part of MNN."""
        return (*OnnxExporter.modules(Precision.FLOAT32), "MNN")

    def export(self, source: Source, precision: Precision, path: Path) -> None:
        """Write the flatbuffer."""
        path.write_bytes(from_onnx(float32(source), precision))


def from_onnx(source: Path, precision: Precision) -> bytes:
    """Return the ONNX file `source` in MNN's format, in float32 or with float16 weights.

    Raises:
        ArtifactError: the converter made nothing; the message has its last line.
    """
    asked = ["--framework", "ONNX", "--modelFile", str(source.absolute()), "--MNNModel", TARGET, "--bizCode", "MNN"]
    if precision is Precision.FLOAT16:
        asked.append("--fp16")
    with tempfile.TemporaryDirectory() as folder:
        # -P: the working directory must not stand in for a library.
        command = [sys.executable, "-P", "-c", CONVERTER, *asked]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        target, identifier = Path(folder) / TARGET, Path(folder) / IDENTIFIER
        if done.returncode != 0 or not target.is_file():
            said = (done.stderr.strip() or done.stdout.strip()).splitlines() or [f"exit code {done.returncode}"]
            raise ArtifactError(f"{source}: MNN's converter failed: {said[-1]}")
        return _named_by_content(target.read_bytes(), identifier.read_bytes())


def _named_by_content(content: bytes, identifier: bytes) -> bytes:
    """Return a model with its random identifier replaced by a hash of the rest, cut to the same length."""
    if not identifier:
        return content
    rest = content.replace(identifier, bytes(len(identifier)))
    return content.replace(identifier, hashlib.sha256(rest).hexdigest()[: len(identifier)].encode())
