"""A trained model as an ONNX graph, for other runtimes."""

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from sentiment_rnn.models.bag_of_words import BagOfWords
from sentiment_rnn.models.classifier import Classifier
from sentiment_rnn.models.ensemble import Ensemble
from sentiment_rnn.models.trained_rnn import TrainedRNN
from sentiment_rnn.network.model import RNNClassifier

OPSET = 17


class Graph(nn.Module):
    """A model in operations that ONNX knows; its output is the log-odds of positive [batch].

    Args:
        inputs: the names of the inputs, each with those of its dimensions.
        example: a value for each input.
    """

    def __init__(self, inputs: dict[str, list[str]], example: tuple[Tensor, ...]) -> None:
        super().__init__()
        self.inputs = inputs
        self.example = example


class NetworkGraph(Graph):
    """RNNClassifier.forward() over whole padded batches, in any order of lengths."""

    def __init__(self, model: RNNClassifier) -> None:
        inputs = {"tokens": ["batch", "time"], "lengths": ["batch"]}
        super().__init__(inputs, (torch.ones(1, 2, dtype=torch.int64), torch.tensor([2])))
        self.model = model

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Score ids, int64 [batch, time], of which each text has as many as `lengths` [batch] says."""
        model, time = self.model, torch.arange(tokens.shape[1])
        is_token = time < lengths[:, None]
        if model.attention is not None:
            states = model.attention(model.embedding(tokens), is_token)
        else:
            reverse = torch.where(is_token, lengths[:, None] - 1 - time, time)
            directions = [model.rnns[0](model.embedding(tokens).transpose(0, 1))[0].transpose(0, 1)]
            for rnn in model.rnns[1:]:
                backward = rnn(model.embedding(tokens.gather(1, reverse)).transpose(0, 1))[0].transpose(0, 1)
                directions.append(backward.gather(1, reverse[..., None].expand_as(backward)))
            states = torch.cat(directions, 2)
        # of a text that is longer than the model's max_length the shapes differ here: the runtime's error
        weight = (model.linear.weight[1] - model.linear.weight[0]).view(-1, model.width)[: tokens.shape[1]]
        scores: Tensor = (states * is_token[..., None] * weight).sum((1, 2))
        return scores + model.linear.bias[1] - model.linear.bias[0]


class BagGraph(Graph):
    """An NB-SVM."""

    def __init__(self, model: BagOfWords) -> None:
        super().__init__({"features": ["batch", "n"]}, (torch.zeros(1, 2, dtype=torch.int64),))
        self.weights = torch.cat([torch.from_numpy(model.weights).float(), torch.zeros(1)])
        self.bias = model.bias

    def forward(self, features: Tensor) -> Tensor:
        """Score the distinct features of each text, int64 [batch, n]: their lines in vocabulary.txt, from zero.

        A row is filled up with the number of lines.
        """
        return self.weights[features].sum(1) + self.bias


class EnsembleGraph(Graph):
    """A weighted sum. The inputs of each member have its name before theirs, as in `gru.tokens`."""

    def __init__(self, model: Ensemble) -> None:
        graphs = {name: graph_of(member) for name, member in model.members.items()}
        inputs = {f"{name}.{key}": axes for name, graph in graphs.items() for key, axes in graph.inputs.items()}
        super().__init__(inputs, tuple(tensor for graph in graphs.values() for tensor in graph.example))
        self.members = nn.ModuleList(graphs.values())
        self.parts = [(graph, model.weights[name]) for name, graph in graphs.items()]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Score the inputs of the members, one after the other."""
        scores = []
        for graph, weight in self.parts:
            scores.append(weight * graph(*inputs[: len(graph.inputs)]))
            inputs = inputs[len(graph.inputs) :]
        return torch.stack(scores).sum(0)


def graph_of(model: Classifier) -> Graph:
    """The graph of a model."""
    if isinstance(model, TrainedRNN):
        return NetworkGraph(model.model)
    if isinstance(model, Ensemble):
        return EnsembleGraph(model)
    assert isinstance(model, BagOfWords)  # there is no other kind
    return BagGraph(model)


def export_onnx(model: Classifier, path: Path) -> dict[str, list[str]]:
    """Write the graph; its output is named log_odds.

    Returns:
        The names of its inputs, each with those of its dimensions. All are int64.
    """
    graph = graph_of(model).eval()
    axes = {name: dict(enumerate(dimensions)) for name, dimensions in graph.inputs.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the newer exporter takes the length of the example for that of all texts
        torch.onnx.export(
            graph,
            graph.example,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(axes),
            output_names=["log_odds"],
            dynamic_axes=axes | {"log_odds": {0: "batch"}},
        )
    onnx.checker.check_model(path)
    return graph.inputs
