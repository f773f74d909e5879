"""OpenVINO's performance counters: an average for each node of the compiled graph."""

import re
from datetime import timedelta
from typing import Any

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.profiling.profilers.base import Profiler, Reading
from mnist_deploy.profiling.records import Kind, Operator, kind_of
from mnist_deploy.runtimes.openvino import OpenVinoRuntime, core, graph_file

# A node of the compiled graph that stands for quantise or dequantise nodes of the file, or for NNCF's FakeQuantize,
# and that no layer took in: those go by the layer's own type and only list the names among theirs.
CONVERTING = {"FakeQuantize", "Subgraph", "Eltwise", "Convert", "Reorder"}
QUANTISED = re.compile(r"quantize|/fq_", re.IGNORECASE)


class OpenVinoProfiler(Profiler):
    """A model compiled with PERF_COUNT, and otherwise as the runtime compiles it.

    The counters are means over all calls since the model was compiled, in whole microseconds. The first call makes
    layouts and kernels and takes milliseconds, so its counters are read by themselves and taken off.
    """

    runtime = "openvino"
    covers = (
        "OpenVINO's PERF_COUNT: means in whole microseconds, cut down, so that nodes below 1 us show as 0 and are left "
        "out"
    )
    order = 3

    def __init__(self, artifact: Artifact, *, threads: int, batch_size: int) -> None:
        """Read and compile the model for the batch."""
        model = core().read_model(str(graph_file(artifact.path)))
        model.reshape([batch_size, *INPUT_SHAPE])
        config = {**OpenVinoRuntime.hints, "INFERENCE_NUM_THREADS": threads, "PERF_COUNT": True}
        self._compiled = core().compile_model(model, "CPU", config)
        self._request = self._compiled.create_infer_request()
        self._input = self._request.get_input_tensor(0).data
        self._output = self._request.get_output_tensor(0).data
        self._first: dict[str, float] | None = None

    def run(self, tensor: Any) -> Any:
        """Infer; after the first call read its counters."""
        np.copyto(self._input, tensor)
        self._request.infer()
        if self._first is None:
            self._first = {one.node_name: _microseconds(one.real_time) for one in self._request.profiling_info}
        return self._output.copy()

    def read(self, warm: int, calls: int) -> Reading:
        """Read the counters."""
        done, first = warm + calls, self._first or {}
        graph = self._compiled.get_runtime_model().get_ordered_ops()
        converting = {node.get_friendly_name() for node in graph if _converts(node)}
        operators = []
        for one in self._request.profiling_info:
            total = _microseconds(one.real_time) * done - first.get(one.node_name, 0.0)
            if total > 0:
                kind = Kind.CONVERSION if one.node_name in converting else kind_of(one.node_type)
                found = {"name": one.node_name, "op": one.node_type, "kernel": one.exec_type, "kind": kind}
                operators.append(Operator(**found, seconds=total / (done - 1) / 1e6))
        return Reading(operators, len(converting))


def _converts(node: Any) -> bool:
    facts = {key: str(node.rt_info[key].value) for key in ("layerType", "originalLayersNames")}
    return facts["layerType"] in CONVERTING and bool(QUANTISED.search(facts["originalLayersNames"]))


def _microseconds(time: timedelta) -> float:
    return time / timedelta(microseconds=1)
