"""Load and check every artifact in the old runtime that is installed: `python old_runtimes.py ARTIFACTS IMAGES.npy`.

The manifest says in which old runtimes artifacts like each were seen to work; this is where they are seen. `.ci/run`
runs it in an environment for each of those runtimes, where mnist_deploy itself cannot be imported: the script needs
numpy and the runtime, nothing else.

Args:
    ARTIFACTS: a folder with manifest.json.
    IMAGES: an .npy of the first test images as stored, uint8 (N, 28, 28).

Each artifact classifies one image per call, as a deployed one does. It must give the same class as the recorded scores
of the Keras model for a share of the images that hangs on its precision. Exit code 1 and one line for each artifact
that does not load, does not agree, or whose manifest entry does not name this version of the runtime.
"""

import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# At least this share of the images gets the class that Keras gives. A few images lie near a tie, and 8 bits turn some
# of them; a kernel that computes something else turns far more than this. `parity.gates` asks for more, of all images.
AGREEMENT = {"float32": 0.999, "float16": 0.998, "dynamic": 0.99, "int8": 0.98}

# From pixels, uint8 (1, 28, 28, 1), to scores, (1, 10).
Classifier = Callable[[Any], Any]


def load_onnxruntime(path: Path) -> Classifier:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    stored = session.get_inputs()[0].type == "tensor(uint8)"
    return lambda pixels: session.run(None, {"image": pixels if stored else scaled(pixels)})[0]


def load_openvino(path: Path) -> Classifier:
    from openvino import Core

    core = Core()
    # By default it computes float32 models in bfloat16 where the processor does.
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    compiled = core.compile_model(path / "model.xml" if path.is_dir() else path, "CPU")
    stored = compiled.input(0).element_type.get_type_name() == "u8"
    request = compiled.create_infer_request()
    return lambda pixels: request.infer([pixels if stored else scaled(pixels)])[compiled.output(0)]


def load_tflite_runtime(path: Path) -> Classifier:
    from tflite_runtime.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    image, scores = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = image["quantization"]

    def classify(pixels: Any) -> Any:
        tensor = pixels if image["dtype"] == np.uint8 else scaled(pixels)
        if image["dtype"] == np.int8:
            tensor = np.clip(np.rint(tensor / scale) + zero_point, -128, 127).astype(np.int8)
        interpreter.set_tensor(image["index"], tensor)
        interpreter.invoke()
        return interpreter.get_tensor(scores["index"])

    return classify


# By package: the module that it brings, the formats that it reads, and how it loads one.
RUNTIMES: dict[str, tuple[str, tuple[str, ...], Callable[[Path], Classifier]]] = {
    "onnxruntime": ("onnxruntime", ("onnx",), load_onnxruntime),
    "openvino": ("openvino", ("openvino", "onnx"), load_openvino),
    "tflite-runtime": ("tflite_runtime", ("tflite",), load_tflite_runtime),
}


def scaled(pixels: Any) -> Any:
    return pixels.astype(np.float32) / np.float32(255)


def problem(entry: dict[str, Any], root: Path, images: Any, name: str, version: str) -> str:
    """Return what is wrong with the artifact of a manifest's entry, in one line; nothing if it is as it should be."""
    _, _, load = RUNTIMES[name]
    seen = (entry.get("requirements") or {}).get("oldest_runtimes", {}).get(name)
    if seen != version:
        return f"the manifest says that it was seen to work in {name} {seen}, not in {version}"
    try:
        classify = load(root / entry["path"])
        answers = np.array([int(np.argmax(classify(image[None, ..., None]))) for image in images])
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())[:300]
    with np.load(root / entry["architecture"] / "reference.npz", allow_pickle=False) as reference:
        agreement = float(np.mean(answers == reference["scores"][: len(images)].argmax(axis=1)))
    least = AGREEMENT[entry["precision"]]
    return "" if agreement >= least else f"{agreement:.4f} of {len(images)} answers are Keras's, less than {least}"


def main(root: Path, images: Any, name: str, version: str) -> int:
    _, formats, _ = RUNTIMES[name]
    manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    entries = [entry for entry in manifest["artifacts"] if entry["format"] in formats]
    failed = 0
    for entry in entries:
        reason = problem(entry, root, images, name, version)
        if reason:
            failed += 1
            print(f"{entry['path']} in {name} {version}: {reason}", file=sys.stderr)
    print(f"{name} {version}: {len(entries) - failed} of {len(entries)} artifacts load and answer as Keras does")
    return 1 if failed or not entries else 0


if __name__ == "__main__":
    (installed,) = [package for package, (module, _, _) in RUNTIMES.items() if importlib.util.find_spec(module)]
    sys.exit(main(Path(sys.argv[1]), np.load(sys.argv[2]), installed, importlib.metadata.version(installed)))
