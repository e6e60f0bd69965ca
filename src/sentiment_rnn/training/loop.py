"""The training loop: epochs of optimizer steps, validation, and the weights of the epoch that is kept."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sentiment_rnn.network.batching import Batch, ReviewTensors
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import RNNClassifier
from sentiment_rnn.parallel import Reporter
from sentiment_rnn.study.params import Hyperparameters
from sentiment_rnn.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class EpochMetrics:
    """The metrics of one epoch; losses are mean cross-entropy in nats over reviews.

    Those of the training reviews are taken while the weights change, those of the validation reviews at the end.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    valid_loss: float
    valid_accuracy: float


@dataclass(frozen=True)
class TrainResult:
    """A finished training: the metrics of every epoch, and the epoch that was kept with its weights."""

    epochs: list[EpochMetrics]
    best_epoch: int
    best_weights: dict[str, Tensor]


def build_optimizer(model: nn.Module, hyperparameters: Hyperparameters) -> torch.optim.Optimizer:
    """The optimizer that the hyperparameters name, in its fused form where there is one: it is faster."""
    parameters = list(model.parameters())
    on_cpu = all(parameter.is_cpu for parameter in parameters)  # Adagrad's fused form is for the CPU alone
    lr, momentum, eps = hyperparameters.lr, hyperparameters.momentum or 0.0, hyperparameters.eps or 0.0
    if hyperparameters.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=momentum, fused=True)
    if hyperparameters.optimizer == "adagrad":
        return torch.optim.Adagrad(parameters, lr, eps=eps, fused=on_cpu)
    if hyperparameters.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr, momentum=momentum, eps=eps)
    return torch.optim.Adam(parameters, lr, eps=eps, fused=True)


def warmup_lr(lr: float, step: int, warmup_steps: int) -> float:
    """The learning rate at a step, counted from 1: it rises linearly to `lr` and stays there."""
    return lr * min(1.0, step / max(warmup_steps, 1))


def train(
    model: RNNClassifier,
    train_set: ReviewTensors,
    valid_set: ReviewTensors,
    hyperparameters: Hyperparameters,
    order: torch.Generator,
    reporter: Reporter,
    checkpoint: Checkpoint,
) -> TrainResult:
    """Train the model, or resume its training.

    Args:
        model: with its initial weights, on the device of the reviews; its weights change.
        train_set: the reviews to learn from.
        valid_set: the reviews that choose the epoch, and nothing else.
        hyperparameters: of the training.
        order: the generator of the order of the training reviews, and of the seeds of dropout.
        reporter: is told the progress and the metrics of each epoch.
        checkpoint: written after each epoch except the last.
    """
    optimizer = build_optimizer(model, hyperparameters)
    n_batches, n_epochs = math.ceil(len(train_set.lengths) / hyperparameters.batch_size), hyperparameters.n_epochs
    epochs: list[EpochMetrics] = []
    best_weights: dict[str, Tensor] = {}
    if state := checkpoint.load():
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        order.set_state(state["order"])
        best_weights, epochs = state["best_weights"], [EpochMetrics(**metrics) for metrics in state["epochs"]]
        reporter.log(f"resumed after epoch {len(epochs)}")
    for epoch in range(len(epochs) + 1, n_epochs + 1):
        # dropout begins anew in each epoch: a checkpoint cannot have the state that cuDNN keeps of it
        torch.manual_seed(int(torch.randint(2**62, (), generator=order)))
        batches = train_set.shuffled(hyperparameters.batch_size, order)
        batches = reporter.progress(batches, f"epoch {epoch}/{n_epochs}", n_batches)
        train_loss, train_accuracy = train_epoch(model, optimizer, batches, hyperparameters, (epoch - 1) * n_batches)
        valid_loss, valid_accuracy = loss_and_accuracy(predict_logits(model, valid_set), valid_set.labels.cpu())
        epochs.append(EpochMetrics(epoch, train_loss, train_accuracy, valid_loss, valid_accuracy))
        reporter.log(
            f"epoch {epoch}/{n_epochs}: train loss {train_loss:.3f}, accuracy {train_accuracy:.3f}; "
            f"validation loss {valid_loss:.3f}, accuracy {valid_accuracy:.3f}"
        )
        if best_epoch(epochs, hyperparameters.keep_epoch) == epoch:
            best_weights = {name: weight.clone() for name, weight in model.state_dict().items()}
        if epoch < n_epochs:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "order": order.get_state()}
            checkpoint.save(state | {"best_weights": best_weights, "epochs": list(map(asdict, epochs))})
    return TrainResult(epochs, best_epoch(epochs, hyperparameters.keep_epoch), best_weights)


def best_epoch(epochs: list[EpochMetrics], keep_epoch: str) -> int:
    """The epoch whose weights are kept; a validation loss that is not a number is the worst."""
    if keep_epoch == "last":
        return len(epochs)
    return min(epochs, key=lambda metrics: math.inf if math.isnan(metrics.valid_loss) else metrics.valid_loss).epoch


def train_epoch(
    model: RNNClassifier,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Batch],
    hyperparameters: Hyperparameters,
    n_steps_before: int = 0,
) -> tuple[float, float]:
    """Take one optimizer step for each batch; mean loss and accuracy over all reviews, computed before each step."""
    model.train()
    loss_sum = torch.zeros((), dtype=torch.float64, device=model.linear.weight.device)
    n_correct = torch.zeros_like(
        loss_sum
    )  # both stay on the device: reading them at each step would synchronize with CUDA
    n_reviews = 0
    for step, batch in enumerate(batches, n_steps_before + 1):
        for group in optimizer.param_groups:
            group["lr"] = warmup_lr(hyperparameters.lr, step, hyperparameters.warmup_steps)
        logits = model(batch.ids, batch.lengths)
        loss = F.cross_entropy(logits, batch.labels)
        optimizer.zero_grad()
        loss.backward()
        if hyperparameters.clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), hyperparameters.clip_norm)
        optimizer.step()
        loss_sum += loss.detach() * len(batch.labels)
        n_correct += (logits.argmax(1) == batch.labels).sum()
        n_reviews += len(batch.labels)
    return loss_sum.item() / n_reviews, n_correct.item() / n_reviews


def loss_and_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy of logits [reviews, 2] for labels [reviews]."""
    loss = F.cross_entropy(logits.double(), labels)
    accuracy = (logits.argmax(1) == labels).double().mean()
    return loss.item(), accuracy.item()
