"""A trained network as an ONNX graph, for other runtimes.

Written node by node: torch.onnx.export of PyTorch 2.13 takes the length of the review that it is shown for that of all
reviews, and knows no batch of several lengths.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from sentiment_rnn.network.attention import SelfAttention
from sentiment_rnn.network.model import RNNClassifier

OPSET = 17
# the places of ONNX's gates in PyTorch's: input, output, forget, cell in input, forget, cell, output;
# update, reset, new in reset, update, new
GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}


def export_onnx(model: RNNClassifier, max_length: int, path: Path) -> None:
    """Write the graph.

    Its inputs are `tokens`, int64 [batch, time], the ids of each review and any ids behind its end, and `lengths`,
    int32 [batch]. Time is at most the model's max_length: of more the runtime complains, naming the node
    time_at_most_MAX_LENGTH. Its output is `logits`, float [batch, 2], of negative and
    positive.
    """
    graph = _Graph()
    states = graph.add("Gather", graph.constant("embedding", _numpy(model.embedding.weight)), "tokens")
    states = graph.add("Transpose", states, perm=[1, 0, 2])  # to [time, batch, features], as all states below
    is_real = _is_real(graph)
    if model.attention is not None:
        states = _attention(graph, model.attention, states, is_real)
    else:
        directions = [_direction(graph, model, direction, states) for direction in range(len(model.rnns))]
        states = directions[0] if len(directions) == 1 else graph.add("Concat", *directions, axis=2)
    by_review = graph.add("Transpose", states, perm=[1, 0, 2])
    logits = _linear(graph, model, by_review, is_real)
    graph.nodes.append(helper.make_node("Add", [logits, _time_check(graph, max_length)], ["logits"]))
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "time"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])]
    whole = helper.make_graph(graph.nodes, "sentiment", inputs, outputs, graph.constants)
    exported = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(exported, full_check=True)
    onnx.save(exported, path, format="protobuf")  # whatever its name ends in


class _Graph:
    """Nodes and constants, each output named after the place of its node."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(f"integers_{len(self.constants)}", np.array(values, dtype=np.int64))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output


def _time_check(graph: _Graph, max_length: int) -> str:
    """Zero, from a table with a place for each length that is allowed: ONNX knows no assertion."""
    last = graph.add("Sub", graph.add("Shape", "tokens", start=1), graph.integers(1))
    zeros = graph.constant("zeros", np.zeros(max_length, dtype=np.float32))
    node = helper.make_node("Gather", [zeros, last], ["time_check"], name=f"time_at_most_{max_length}")
    graph.nodes.append(node)
    return "time_check"


def _is_real(graph: _Graph) -> str:
    """[batch, time]: whether a token stands there."""
    time = graph.add("Squeeze", graph.add("Shape", "tokens", start=1), graph.integers(0))
    positions = graph.add("Range", graph.constant("zero", np.array(0)), time, graph.constant("one", np.array(1)))
    lengths = graph.add("Unsqueeze", graph.add("Cast", "lengths", to=TensorProto.INT64), graph.integers(1))
    return graph.add("Less", positions, lengths)


def _attention(graph: _Graph, layer: SelfAttention, states: str, is_real: str) -> str:
    by_review = graph.add("Transpose", states, perm=[1, 0, 2])
    keys, queries, values = (
        graph.add("MatMul", by_review, graph.constant(name, np.ascontiguousarray(_numpy(part.weight).T)))
        for name, part in (("key", layer.key), ("query", layer.query), ("value", layer.value))
    )
    scores = graph.add("MatMul", queries, graph.add("Transpose", keys, perm=[0, 2, 1]))
    none = graph.constant("minus_infinity", np.array(-np.inf, dtype=np.float32))
    masked = graph.add("Where", graph.add("Unsqueeze", is_real, graph.integers(1)), scores, none)
    outputs = graph.add("MatMul", graph.add("Softmax", masked, axis=2), values)
    scale, bias = (graph.constant(f"norm_{name}", _numpy(getattr(layer.norm, name))) for name in ("weight", "bias"))
    normalized = graph.add("LayerNormalization", outputs, scale, bias, epsilon=layer.norm.eps)
    return graph.add("Transpose", normalized, perm=[1, 0, 2])


def _direction(graph: _Graph, model: RNNClassifier, direction: int, states: str) -> str:
    """[time, batch, hidden]: the last layer's states in one direction."""
    rnn: nn.LSTM | nn.GRU = model.rnns[direction]  # type: ignore[assignment]
    for layer in range(rnn.num_layers):
        weights = {
            kind: _gates_reordered(getattr(rnn, f"{kind}_l{layer}"), rnn.mode)[None]
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        biases = np.concatenate([weights["bias_ih"], weights["bias_hh"]], axis=1)
        outputs = graph.add(
            rnn.mode,
            states,
            graph.constant(f"weight_ih_{direction}_{layer}", weights["weight_ih"]),
            graph.constant(f"weight_hh_{direction}_{layer}", weights["weight_hh"]),
            graph.constant(f"bias_{direction}_{layer}", biases),
            "lengths",
            hidden_size=rnn.hidden_size,
            direction="reverse" if direction == 1 else "forward",
            **({"linear_before_reset": 1} if rnn.mode == "GRU" else {}),
        )  # [time, 1, batch, hidden]
        states = graph.add("Squeeze", outputs, graph.integers(1))
    return states


def _linear(graph: _Graph, model: RNNClassifier, by_review: str, is_real: str) -> str:
    """The states of each review, zeros behind its end, times the weights of as many positions as there are."""
    flat = graph.add("Reshape", _masked(graph, by_review, is_real, 0.0), graph.integers(0, -1))
    weight = graph.constant("linear_weight", np.ascontiguousarray(_numpy(model.linear.weight).T))
    used = graph.add("Slice", weight, graph.integers(0), graph.add("Shape", flat, start=1), graph.integers(0))
    return graph.add("Gemm", flat, used, graph.constant("linear_bias", _numpy(model.linear.bias)))


def _masked(graph: _Graph, by_review: str, is_real: str, value: float) -> str:
    """[batch, time, width]: another value behind each review's end."""
    other = graph.constant(f"other_{len(graph.constants)}", np.array([value], dtype=np.float32))
    return graph.add("Where", graph.add("Unsqueeze", is_real, graph.integers(2)), by_review, other)


def _gates_reordered(weight: Tensor, operator: str) -> NDArray[np.generic]:
    order = GATES[operator]
    return np.concatenate([np.split(_numpy(weight), len(order))[place] for place in order])


def _numpy(weight: Tensor) -> NDArray[np.generic]:
    array: NDArray[np.generic] = weight.detach().numpy()
    return array
