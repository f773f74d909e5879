"""Damage to a graph by its own schema: what no single bit does, and what only someone who means harm writes."""

from random import Random
from typing import Any

from tests.damage import HUGE

INT32 = [number for number in HUGE if -(2**31) <= number < 2**31]
OPERATORS = (
    "Relu", "If", "Scan", "Gemm", "MatMul", "Conv", "Reshape", "Expand", "Tile", "Range", "ConstantOfShape", "Cast",
    "Nope", "Softmax", "StringNormalizer", "TfIdfVectorizer", "Resize", "Pad", "ArgMax", "NonZero", "Transpose", "RNN",
    "LSTM", "QuantizeLinear", "DequantizeLinear", "Gather", "ScatterND", "SequenceConstruct",
)  # fmt: skip
# What the end of a network may become: (operator, a constant operand, attributes). All keep the graph valid.
ENDS: tuple[tuple[str, list[int] | None, dict[str, Any]], ...] = (
    *(("Tile", [1, times], {}) for times in (2, 2**20, 2**33, 2**40)),
    *(("Expand", [many, 10], {}) for many in (2**20, 2**31, 2**40, 2**62)),
    *(("Cast", None, {"to": kind}) for kind in (7, 8, 9, 10, 11)),  # int64, string, bool, float16, double
    ("ReduceMax", None, {"keepdims": 1}),
    ("Transpose", None, {"perm": [1, 0]}),
    ("Shape", None, {}),
    ("Reshape", [-1], {}),
    ("Log", None, {}),
    ("Neg", None, {}),
)


def onnx(data: bytes, random: Random) -> bytes:
    """Dimensions, attributes, types, operators, edges, weights: one to three of them become something else."""
    from onnx import ModelProto

    model = ModelProto.FromString(data)
    graph = model.graph
    for _ in range(random.randint(1, 3)):
        weights, node = random.choice(graph.initializer), random.choice(graph.node)
        match random.randrange(8):
            case 0:
                weights.dims[:] = [*weights.dims[:-1], random.choice(HUGE)]
            case 1:
                shape = random.choice([*graph.input, *graph.output]).type.tensor_type.shape
                random.choice(shape.dim).dim_value = random.choice(HUGE)
            case 2:
                node.op_type = random.choice(OPERATORS)
            case 3 if node.attribute:
                attribute = random.choice(node.attribute)
                attribute.ints[:] = [random.choice(HUGE) for _ in attribute.ints]
                attribute.i = random.choice(HUGE)
            case 4 if node.input:
                known = [one.name for one in graph.initializer] + [name for one in graph.node for name in one.output]
                node.input[random.randrange(len(node.input))] = random.choice([*known, "", "nowhere"])
            case 5:
                weights.data_type = random.randrange(24)
            case 6:
                weights.raw_data = random.choice([b"", weights.raw_data[: len(weights.raw_data) // 3 * 2]])
            case _:
                model.opset_import[0].version = random.choice([0, 1, 5, 99, 2**31, -1])
    return model.SerializeToString()


def onnx_end(data: bytes, random: Random) -> bytes:
    """A valid graph that answers something else: shapes, types and sizes of its maker's choice, or no numbers."""
    from onnx import ModelProto, helper

    model = ModelProto.FromString(data)
    kind, operand, attributes = random.choice(ENDS)
    inner, added = _opened(model)
    if operand is not None:
        model.graph.initializer.append(helper.make_tensor("operand", 7, [len(operand)], operand))
    added.append(helper.make_node(kind, [inner, "operand"][: 1 + (operand is not None)], ["end"], **attributes))
    if kind == "Neg":  # the logarithm of what is below 0 is no number
        added[-1].output[0] = "below"
        added.append(helper.make_node("Log", ["below"], ["end"]))
    return _closed(model, added, attributes.get("to", 7 if kind == "Shape" else 1))


def onnx_endless(data: bytes, random: Random) -> bytes:
    """A valid graph that never answers: a loop of 2**62 turns."""
    from onnx import ModelProto, TensorProto, helper

    model = ModelProto.FromString(data)
    inner, added = _opened(model)
    state = {"c": TensorProto.BOOL, "x": TensorProto.FLOAT}
    body = helper.make_graph(
        [helper.make_node("Identity", [name], [f"{name}2"]) for name in state],
        "body",
        [helper.make_tensor_value_info(name, kind, []) for name, kind in {"i": TensorProto.INT64, **state}.items()],
        [helper.make_tensor_value_info(f"{name}2", kind, None) for name, kind in state.items()],
    )
    body.input[2].type.tensor_type.ClearField("shape")
    model.graph.initializer.append(helper.make_tensor("turns", TensorProto.INT64, [], [2**62]))
    model.graph.initializer.append(helper.make_tensor("on", TensorProto.BOOL, [], [True]))
    added.append(helper.make_node("Loop", ["turns", "on", inner], ["end"], body=body))
    return _closed(model, added, 1)


def onnx_outside(data: bytes, random: Random) -> bytes:
    """Weights that lie in another file, anywhere on the machine."""
    from onnx import ModelProto

    model = ModelProto.FromString(data)
    weights = random.choice(model.graph.initializer)
    weights.ClearField("raw_data")
    weights.data_location = 1
    entry = weights.external_data.add()
    entry.key = "location"
    entry.value = random.choice(["/etc/passwd", "../../../../../../etc/passwd", "/dev/zero", "none.bin", "."])
    return model.SerializeToString()


def _opened(model: Any) -> tuple[str, list[Any]]:
    """Give the network's last tensor another name, and return it with a list for what comes between it and the end."""
    end = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["inner" if name == end else name for name in node.output]
    return "inner", []


def _closed(model: Any, added: list[Any], kind: int) -> bytes:
    end = model.graph.output[0]
    added[-1].output[0] = end.name
    end.type.tensor_type.elem_type = kind
    end.type.tensor_type.ClearField("shape")
    model.graph.node.extend(added)
    return bytes(model.SerializeToString())


def tflite(data: bytes, random: Random) -> bytes:
    """Shapes, buffers, types, edges, operators, options and scales of a flatbuffer that stays a valid one."""
    import flatbuffers
    import numpy as np
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(data), 0))
    graph = model.subgraphs[0]
    for _ in range(random.randint(1, 3)):
        tensor, operator = random.choice(graph.tensors), random.choice(graph.operators)
        number = random.choice([*INT32, *range(len(graph.tensors))])
        match random.randrange(11):
            case 0:
                tensor.shape = np.array([*list(tensor.shape if tensor.shape is not None else [])[1:], number], np.int32)
            case 1:
                tensor.buffer = random.choice([0, len(model.buffers), 2**32 - 1, random.randrange(len(model.buffers))])
            case 2:
                tensor.type = random.randrange(22)
            case 3:
                operator.inputs = np.array([*operator.inputs[:-1], number], np.int32)
            case 4:
                operator.outputs = np.array([number], np.int32)
            case 5:
                code = random.choice(model.operatorCodes)
                code.builtinCode = code.deprecatedBuiltinCode = random.randrange(127)
            case 6:
                full = random.choice([one for one in model.buffers if one.data is not None and len(one.data)])
                full.data = full.data[: random.randrange(len(full.data))]
            case 7:
                graph.outputs = np.array([number], np.int32)
            case 8:
                graph.inputs = np.array([number], np.int32)
            case 9 if tensor.quantization is not None:
                scale = random.choice([0, float("nan"), float("inf"), -1, 1e-40])
                tensor.quantization.scale = np.array([scale] * random.randint(1, 3), np.float32)
            case _:
                options = operator.builtinOptions
                for name, value in vars(options).items() if options is not None else ():
                    if type(value) is int:
                        setattr(options, name, random.choice([0, 1, 3, 7, 127]))
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def saved_model(data: bytes, random: Random) -> bytes:
    """Of saved_model.pb: operators, constants of any size in a few bytes, shapes, edges, types, the object graph."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel.FromString(data)
    graph = model.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    for _ in range(random.randint(1, 3)):
        node = random.choice(nodes)
        match random.randrange(6):
            case 0:
                node.op = random.choice(["MatMul", "Fill", "NoOp", "PyFunc", "ReadFile", "Nope", "Reshape", "Tile"])
            case 1:
                constants = [one for one in nodes if one.op == "Const"]
                shape = random.choice(constants).attr["value"].tensor.tensor_shape
                shape.ClearField("dim")
                shape.dim.add().size = random.choice([2**27, 2**33, 2**40, 2**62, -1])
            case 2:
                shaped = [one for one in nodes if "shape" in one.attr]
                random.choice(shaped).attr["shape"].shape.dim.add().size = random.choice(HUGE)
            case 3 if node.input:
                node.input[random.randrange(len(node.input))] = random.choice(nodes).name
            case 4:
                typed = [key for key in node.attr if node.attr[key].HasField("type")]
                for key in typed[:1]:
                    node.attr[key].type = random.randrange(30)
            case _:
                parents = [one for one in model.meta_graphs[0].object_graph_def.nodes if one.children]
                random.choice(parents).children[0].node_id = random.choice([0, 1, 99_999, 2**31 - 1])
    return model.SerializeToString()
