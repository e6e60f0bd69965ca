"""The training loop: some epochs of Adam or its like, and the weights of one of them."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import torch
import torch._dynamo  # the first optimizer would load it: once in the stage, not in the process of each seed
from torch import Tensor, nn
from torch.nn import functional as F

from sentiment_rnn.network.batching import Batch, ReviewTensors
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import RNNClassifier
from sentiment_rnn.running.side_by_side import Reporter
from sentiment_rnn.study.params import Hyperparameters, KeepEpoch
from sentiment_rnn.training.checkpoint import Checkpoint, Saved, restore, state_of


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training reviews came to; losses are mean cross-entropy in nats over reviews.

    The train figures are taken while the weights change, the valid ones after the pass.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    valid_loss: float
    valid_accuracy: float


@dataclass(frozen=True)
class Training:
    """A finished training: every epoch's figures, and the epoch that was kept with its weights."""

    epochs: list[Epoch]
    best_epoch: int
    best_weights: dict[str, Tensor]


def build_optimizer(model: nn.Module, name: str, lr: float) -> torch.optim.Optimizer:
    """The optimizer with PyTorch's defaults but for the learning rate.

    The fused form updates a large embedding in one pass; RMSprop has none, and Adagrad's is for the CPU alone.
    """
    parameters = list(model.parameters())
    on_cpu = all(parameter.is_cpu for parameter in parameters)
    if name in ("sgd", "momentum"):
        return torch.optim.SGD(parameters, lr, momentum=0.9 if name == "momentum" else 0.0, fused=True)
    if name == "adagrad":
        return torch.optim.Adagrad(parameters, lr, fused=on_cpu)
    if name == "rmsprop":
        return torch.optim.RMSprop(parameters, lr)
    return torch.optim.Adam(parameters, lr, fused=True)


def train(
    model: RNNClassifier,
    train_set: ReviewTensors,
    valid_set: ReviewTensors,
    hyperparameters: Hyperparameters,
    *,
    batch_size: int,
    n_epochs: int,
    keep_epoch: KeepEpoch,
    seed: int,
    reporter: Reporter,
    offsets: Tensor | None = None,
    checkpoint: Checkpoint | None = None,
    saved: Saved | None = None,
) -> Training:
    """Train; the reporter is told how far each epoch has come, and what it came to.

    Args:
        model: with its initial weights, on the device of the reviews; its weights change.
        train_set: the reviews to learn from.
        valid_set: the reviews that choose the epoch, and nothing else.
        hyperparameters: what concerns the training is read.
        batch_size: reviews a step.
        n_epochs: passes over the training reviews.
        keep_epoch: which weights come back: best, those with the lowest valid loss, or those of the last.
        seed: of the order of the reviews, and of dropout.
        reporter: of this training.
        offsets: [train reviews, 2], the logits that stand in for those of the model's n-grams, where it has them.
        checkpoint: written after each epoch but the last.
        saved: what it held: the training goes on from there, to the same bytes.

    Raises:
        ValueError: n-grams without offsets: they know the train reviews, and would leave the network nothing to learn.
    """
    if (offsets is None) != (model.ngrams is None):
        raise ValueError("offsets and n-grams belong together")
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    optimizer = build_optimizer(model, hyperparameters.optimizer, hyperparameters.lr)
    n_batches = math.ceil(len(train_set) / batch_size)
    offsets = None if offsets is None else offsets.to(train_set.device)
    epochs: list[Epoch] = []
    best_weights: dict[str, Tensor] = {}
    if saved is not None:
        restore(saved.tensors, model, optimizer, order)
        epochs = [Epoch(**figures) for figures in saved.facts["epochs"]]
        best_weights = {name: saved.tensors[f"best.{name}"] for name in model.state_dict()}
        reporter.line(f"going on after epoch {len(epochs)}")
    for number in range(len(epochs) + 1, n_epochs + 1):
        batches = reporter.track(train_set.shuffled(batch_size, order), f"epoch {number}/{n_epochs}", n_batches)
        train_loss, train_accuracy = train_epoch(model, optimizer, batches, offsets)
        valid_loss, valid_accuracy = mean_loss_and_accuracy(predict_logits(model, valid_set), valid_set.labels.cpu())
        epochs.append(Epoch(number, train_loss, train_accuracy, valid_loss, valid_accuracy))
        reporter.line(
            f"epoch {number}/{n_epochs}: train loss {train_loss:.3f}, accuracy {train_accuracy:.3f}; "
            f"valid loss {valid_loss:.3f}, accuracy {valid_accuracy:.3f}"
        )
        best = _best(epochs, keep_epoch)
        if best is epochs[-1]:
            best_weights = {name: weight.detach().cpu().clone() for name, weight in model.state_dict().items()}
        if checkpoint is not None and number < n_epochs:
            tensors = state_of(model, optimizer, order)
            tensors |= {f"best.{name}": weight for name, weight in best_weights.items()}
            tensors |= {} if offsets is None else {"offsets": offsets}
            checkpoint.save(Saved(tensors, {"epochs": [asdict(epoch) for epoch in epochs]}))
    return Training(epochs, _best(epochs, keep_epoch).epoch, best_weights)


def _best(epochs: list[Epoch], keep_epoch: KeepEpoch) -> Epoch:
    """The one whose weights are kept so far."""
    if keep_epoch == "last":
        return epochs[-1]
    return min(epochs, key=lambda epoch: math.inf if math.isnan(epoch.valid_loss) else epoch.valid_loss)


def train_epoch(
    model: RNNClassifier,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Batch],
    offsets: Tensor | None = None,
) -> tuple[float, float]:
    """One optimizer step a batch; the mean loss and the accuracy over all reviews, as they were at their step."""
    model.train()
    loss_sum = torch.zeros((), dtype=torch.float64, device=model.linear.weight.device)
    n_correct = torch.zeros_like(loss_sum)  # both stay on the device: reading them at each step would halt CUDA
    n_reviews = 0
    for batch in batches:
        logits = model(batch.tokens, None if offsets is None else offsets[batch.indices.to(offsets.device)])
        loss = F.cross_entropy(logits, batch.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(batch.labels)
        n_correct += (logits.argmax(1) == batch.labels).sum()
        n_reviews += len(batch.labels)
    return loss_sum.item() / n_reviews, n_correct.item() / n_reviews


def mean_loss_and_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy of logits [reviews, 2] against labels [reviews]."""
    loss = F.cross_entropy(logits.double(), labels)
    accuracy = (logits.argmax(1) == labels).double().mean()
    return loss.item(), accuracy.item()
