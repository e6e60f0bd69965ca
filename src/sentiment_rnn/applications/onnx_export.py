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
from sentiment_rnn.network.ngrams import N_BUCKETS, NgramModel

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
    if isinstance(model.rnn, SelfAttention):
        states = _attention(graph, model.rnn, states, is_real)
    else:
        for layer in range(model.rnn.num_layers):
            states = _recurrent_layer(graph, model.rnn, layer, states)
    by_review = graph.add("Transpose", states, perm=[1, 0, 2])
    logits = (_linear if model.head == "flatten" else _linear_on_mean_and_max)(graph, model, by_review, is_real)
    if model.ngrams is not None:
        logits = graph.add("Add", logits, _ngrams(graph, model.ngrams, is_real))
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


def _recurrent_layer(graph: _Graph, rnn: nn.LSTM | nn.GRU, layer: int, states: str) -> str:
    operator = rnn.mode
    suffixes = [f"l{layer}", f"l{layer}_reverse"] if rnn.bidirectional else [f"l{layer}"]

    def weights(kind: str) -> NDArray[np.generic]:
        """Of all directions: [directions, gates * hidden, ...]."""
        return np.stack([_gates_reordered(getattr(rnn, f"{kind}_{suffix}"), operator) for suffix in suffixes])

    biases = np.concatenate([weights("bias_ih"), weights("bias_hh")], axis=1)
    outputs = graph.add(
        operator,
        states,
        graph.constant(f"weight_ih_{layer}", weights("weight_ih")),
        graph.constant(f"weight_hh_{layer}", weights("weight_hh")),
        graph.constant(f"bias_{layer}", biases),
        "lengths",
        hidden_size=rnn.hidden_size,
        direction="bidirectional" if rnn.bidirectional else "forward",
        **({"linear_before_reset": 1} if operator == "GRU" else {}),
    )  # [time, directions, batch, hidden]
    by_review = graph.add("Transpose", outputs, perm=[0, 2, 1, 3])
    return graph.add("Reshape", by_review, graph.integers(0, 0, -1))


def _linear(graph: _Graph, model: RNNClassifier, by_review: str, is_real: str) -> str:
    """The states of each review, zeros behind its end, times the weights of as many positions as there are."""
    flat = graph.add("Reshape", _masked(graph, by_review, is_real, 0.0), graph.integers(0, -1))
    weight = graph.constant("linear_weight", np.ascontiguousarray(_numpy(model.linear.weight).T))
    used = graph.add("Slice", weight, graph.integers(0), graph.add("Shape", flat, start=1), graph.integers(0))
    return graph.add("Gemm", flat, used, graph.constant("linear_bias", _numpy(model.linear.bias)))


def _linear_on_mean_and_max(graph: _Graph, model: RNNClassifier, by_review: str, is_real: str) -> str:
    """The mean and the maximum of each review's states, times their weights."""
    total = graph.add("ReduceSum", _masked(graph, by_review, is_real, 0.0), graph.integers(1), keepdims=0)
    largest = graph.add("ReduceMax", _masked(graph, by_review, is_real, -np.inf), axes=[1], keepdims=0)
    pooled = graph.add("Concat", graph.add("Div", total, _lengths(graph)), largest, axis=1)
    weight = graph.constant("linear_weight", np.ascontiguousarray(_numpy(model.linear.weight).T))
    return graph.add("Gemm", pooled, weight, graph.constant("linear_bias", _numpy(model.linear.bias)))


def _ngrams(graph: _Graph, ngrams: NgramModel, is_real: str) -> str:
    """[batch, 2]: what the n-grams add to the logits."""
    size, n_buckets = graph.integers(ngrams.vocab_size), graph.integers(N_BUCKETS)
    weight = graph.constant("ngram_weight", _numpy(ngrams.weight))
    sums, hashes = graph.add("Gather", weight, "tokens"), "tokens"
    for n in range(1, ngrams.order):
        hashes = graph.add("Add", graph.add("Mul", _shifted(graph, hashes, 1), size), "tokens")
        hashes = graph.add("Mod", hashes, n_buckets)
        is_whole = graph.add("Greater", _shifted(graph, "tokens", n), graph.integers(0))  # it begins in the review
        places = graph.add("Where", is_whole, graph.add("Add", hashes, size), graph.integers(0))
        sums = graph.add("Add", sums, graph.add("Gather", weight, places))
    terms = _masked(graph, graph.add("Unsqueeze", sums, graph.integers(2)), is_real, 0.0)
    total = graph.add("ReduceSum", terms, graph.integers(1), keepdims=0)
    log_odds = graph.add("Div", total, graph.add("Sqrt", _lengths(graph)))
    log_odds = graph.add("Add", log_odds, graph.constant("ngram_bias", _numpy(ngrams.bias)))
    return graph.add("Mul", log_odds, graph.constant("halves", np.array([-0.5, 0.5], dtype=np.float32)))


def _shifted(graph: _Graph, ids: str, steps: int) -> str:
    """[batch, time]: those so many steps before, <pad> at the beginning."""
    padded = graph.add("Pad", ids, graph.integers(0, steps, 0, 0))
    return graph.add("Slice", padded, graph.integers(0), graph.integers(-steps), graph.integers(1))


def _lengths(graph: _Graph) -> str:
    """[batch, 1], as float."""
    return graph.add("Unsqueeze", graph.add("Cast", "lengths", to=TensorProto.FLOAT), graph.integers(1))


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
