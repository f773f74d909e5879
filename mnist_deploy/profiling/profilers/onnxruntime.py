"""ONNX Runtime's own profiler: a JSON file of events, one for each node and call."""

import json
import tempfile
from pathlib import Path
from typing import Any

from mnist_deploy.artifacts import Artifact
from mnist_deploy.profiling.profilers.base import Profiler, Reading, interquartile_mean_s
from mnist_deploy.profiling.records import Kind, Operator, kind_of
from mnist_deploy.training import INPUT_NAME, OUTPUT_NAME

SUFFIX = "_kernel_time"


class OnnxRuntimeProfiler(Profiler):
    """A session with `enable_profiling`; its file lies in a temporary folder.

    The events are those of the graph after all optimisations, so the quantise and dequantise nodes among them are the
    ones that no fusion took.
    """

    runtime = "onnxruntime"
    covers = (
        "ONNX Runtime's profiler: each node's kernel, cut to whole microseconds, and a part of the profiler's own "
        "work in each"
    )
    order = 2

    def __init__(self, artifact: Artifact, *, threads: int, batch_size: int) -> None:
        """Make the session."""
        import onnxruntime

        self._folder = tempfile.TemporaryDirectory()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(self._folder.name) / "profile")
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(str(artifact.path), options, providers=providers)

    def run(self, tensor: Any) -> Any:
        """Run the session."""
        return self._session.run([OUTPUT_NAME], {INPUT_NAME: tensor})[0]

    def read(self, warm: int, calls: int) -> Reading:
        """End the profile and read its file."""
        path = Path(self._session.end_profiling())
        nodes: dict[str, list[dict[str, Any]]] = {}
        for event in json.loads(path.read_text(encoding="utf-8")):
            if event.get("cat") == "Node" and event["name"].endswith(SUFFIX):
                nodes.setdefault(event["name"].removesuffix(SUFFIX), []).append(event)
        operators = [_operator(name, events, warm, calls) for name, events in nodes.items()]
        return Reading(operators, sum(one.kind is Kind.CONVERSION for one in operators))

    def close(self) -> None:
        """Delete the file."""
        del self._session
        self._folder.cleanup()


def _operator(name: str, events: list[dict[str, Any]], warm: int, calls: int) -> Operator:
    times = max(1, len(events) // (warm + calls))
    last = events[-times * calls :]
    arguments = last[-1]["args"]
    kernel = f"{_type(arguments['input_type_shape'])} -> {_type(arguments['output_type_shape'])}"
    provider = arguments["provider"].removesuffix("ExecutionProvider")
    seconds = interquartile_mean_s([event["dur"] for event in last]) * times
    op = arguments["op_name"]
    return Operator(name=name, op=op, kernel=f"{provider} {kernel}", seconds=seconds, kind=kind_of(op), times=times)


def _type(shapes: list[dict[str, list[int]]]) -> str:
    """Return the element type of the first tensor: the data's, as weights and scales come after it."""
    return next(iter(shapes[0]), "?") if shapes else "?"
