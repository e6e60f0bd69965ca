"""nn.LSTM and nn.GRU over packed sequences, with a backward pass of our own on a CPU.

PyTorch's takes time quadratic in the length there (https://github.com/pytorch/pytorch/issues/149194): every time step
writes a gradient the size of the whole input. Here each step touches its own rows alone. What does not depend on the
step before is done for all steps at once: the products with weight_ih, the gradients of all weights, and the factors by
which a step's gradient is multiplied. That leaves one small matrix product and a few elementwise operations a step.
On CUDA cuDNN does it all in one call.

A packed sequence's rows stand step by step: those of the first tokens, longest review first, then those of the second
ones, and so on; `sizes` says how many reviews are still there at each step.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

# gradient * output * (1 - output), and gradient * (1 - output ** 2)
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


def run(rnn: nn.LSTM | nn.GRU, inputs: PackedSequence) -> PackedSequence:
    """The last layer's outputs, as `rnn(inputs)[0]` gives them but for rounding."""
    if inputs.data.is_cuda or not torch.is_grad_enabled():  # PyTorch's forward pass is as fast
        outputs: PackedSequence = rnn(inputs)[0]
        return outputs
    return run_by_hand(rnn, inputs)


def run_by_hand(rnn: nn.LSTM | nn.GRU, inputs: PackedSequence) -> PackedSequence:
    """What `run` does, layer by layer and step by step; cannot be differentiated twice."""
    direction = LSTMDirection if rnn.mode == "LSTM" else GRUDirection
    sizes = inputs.batch_sizes.tolist()
    states = inputs.data
    for layer in range(rnn.num_layers):
        if layer > 0:
            states = F.dropout(states, rnn.dropout, rnn.training)
        outputs = []
        for suffix in ["", "_reverse"] if rnn.bidirectional else [""]:
            kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            weights = [getattr(rnn, f"{kind}_l{layer}{suffix}") for kind in kinds]
            outputs.append(direction.apply(states, *weights, sizes, suffix == "_reverse"))  # type: ignore[no-untyped-call]
        states = torch.cat(outputs, dim=1) if rnn.bidirectional else outputs[0]
    return inputs._replace(data=states)


def _by_step(sizes: list[int], backwards: bool, *rows: Tensor) -> Iterable[tuple[Any, ...]]:
    """For each time step how many reviews it has, and its part of each tensor; from the last step when backwards."""
    steps = list(zip(sizes, *(tensor.split(sizes) for tensor in rows), strict=True))
    return reversed(steps) if backwards else steps


class LSTMDirection(torch.autograd.Function):
    """One layer of an LSTM in one direction: inputs [rows, features] -> hidden states [rows, hidden].

    With sigmoid gates o, i, f and candidate g: c = f * c_before + i * g, h = o * tanh(c). PyTorch's weights stand in
    the order i, f, g, o. Here o comes first: so the sigmoids o, i, f lie side by side, and so do i, f, g, which the
    gradient of c reaches.
    """

    @staticmethod
    def forward(  # noqa: D102 - of torch.autograd.Function
        ctx: FunctionCtx,
        inputs: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
        sizes: list[int],
        reverse: bool,
    ) -> Tensor:
        width = weight_hh.shape[1]
        weight_ih, weight_hh, bias = (weight.roll(width, 0) for weight in (weight_ih, weight_hh, bias_ih + bias_hh))
        gates = torch.addmm(bias, inputs, weight_ih.t())
        outputs, h_before, c_before, tanh_c = (inputs.new_empty(len(inputs), width) for _ in range(4))
        # a review that has ended, or in reverse has not begun, keeps its rows here: untouched, and zero at first
        h_all, c_all = inputs.new_zeros(2, sizes[0], width)
        views = (outputs, h_before, c_before, tanh_c, gates, gates[:, : 3 * width], *gates.split(width, 1))
        for n_reviews, output, h_saved, c_saved, tanh, gate, sigmoids, o, i, f, g in _by_step(sizes, reverse, *views):
            h, c = h_all[:n_reviews], c_all[:n_reviews]
            gate.addmm_(h_saved.copy_(h), weight_hh.t())
            sigmoids.sigmoid_()
            g.tanh_()
            c_saved.copy_(c)
            torch.tanh(c.mul_(f).addcmul_(i, g), out=tanh)
            output.copy_(torch.mul(o, tanh, out=h))
        ctx.save_for_backward(inputs, weight_ih, weight_hh, gates, h_before, c_before, tanh_c)
        ctx.sizes, ctx.reverse = sizes, reverse  # type: ignore[attr-defined]
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outputs_grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        inputs, weight_ih, weight_hh, gates, h_before, c_before, tanh_c = ctx.saved_tensors
        width = weight_hh.shape[1]
        o, i, f, g = gates.split(width, 1)
        # at first what a step's gradient of h (for o) or of c (for the others) is multiplied by, then the products
        gates_grad = torch.empty_like(gates)
        o_grad, i_grad, f_grad, g_grad = gates_grad.split(width, 1)
        sigmoid_backward(tanh_c, o, grad_input=o_grad)
        sigmoid_backward(g, i, grad_input=i_grad)
        sigmoid_backward(c_before, f, grad_input=f_grad)
        tanh_backward(i, g, grad_input=g_grad)
        c_by_h = torch.ops.aten.tanh_backward(o, tanh_c)
        h_all, c_all = inputs.new_zeros(2, ctx.sizes[0], width)
        by_c = gates_grad[:, width:].view(len(inputs), 3, width)
        steps = _by_step(ctx.sizes, not ctx.reverse, outputs_grad, c_by_h, f, gates_grad, o_grad, by_c)
        for n_reviews, output_grad, c_by_h_now, f_now, gate_grad, by_h_now, by_c_now in steps:
            h_grad, c_grad = h_all[:n_reviews].add_(output_grad), c_all[:n_reviews]
            c_grad.addcmul_(h_grad, c_by_h_now)
            by_h_now.mul_(h_grad)
            by_c_now.mul_(c_grad[:, None])
            c_grad.mul_(f_now)
            torch.mm(gate_grad, weight_hh, out=h_grad)
        bias_grad = gates_grad.sum(0).roll(-width)
        return (
            gates_grad @ weight_ih,
            (gates_grad.t() @ inputs).roll(-width, 0),
            (gates_grad.t() @ h_before).roll(-width, 0),
            bias_grad,
            bias_grad,
            None,
            None,
        )


class GRUDirection(torch.autograd.Function):
    """One layer of a GRU in one direction: inputs [rows, features] -> hidden states [rows, hidden].

    With x = weight_ih @ input + bias_ih and y = weight_hh @ h_before + bias_hh, each in the parts r, z, n: the gates
    are r = sigmoid(x_r + y_r) and z = sigmoid(x_z + y_z), the candidate is n = tanh(x_n + r * y_n), and
    h = (1 - z) * n + z * h_before.
    """

    @staticmethod
    def forward(  # noqa: D102 - of torch.autograd.Function
        ctx: FunctionCtx,
        inputs: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
        sizes: list[int],
        reverse: bool,
    ) -> Tensor:
        width = weight_hh.shape[1]
        gates = torch.addmm(bias_ih, inputs, weight_ih.t())  # x at first, then r, z, n
        outputs, h_before, y_n = (inputs.new_empty(len(inputs), width) for _ in range(3))
        h_all = inputs.new_zeros(sizes[0], width)  # as in the LSTM
        y_all = inputs.new_empty(sizes[0], 3 * width)
        views = (outputs, h_before, y_n, gates[:, : 2 * width], *gates.split(width, 1))
        for n_reviews, output, h_saved, y_n_saved, rz, r, z, n in _by_step(sizes, reverse, *views):
            h = h_all[:n_reviews]
            y = torch.addmm(bias_hh, h_saved.copy_(h), weight_hh.t(), out=y_all[:n_reviews])
            rz.add_(y[:, : 2 * width]).sigmoid_()
            n.addcmul_(r, y_n_saved.copy_(y[:, 2 * width :])).tanh_()
            output.copy_(torch.lerp(n, h, z, out=h))
        ctx.save_for_backward(inputs, weight_ih, weight_hh, gates, y_n, h_before)
        ctx.sizes, ctx.reverse = sizes, reverse  # type: ignore[attr-defined]
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outputs_grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        inputs, weight_ih, weight_hh, gates, y_n, h_before = ctx.saved_tensors
        width = weight_hh.shape[1]
        r, z, n = gates.split(width, 1)
        # what a step's gradient of h is multiplied by: the gradients of y stand first, then, two shared, those of x
        grads = inputs.new_empty(len(inputs), 4 * width)
        y_n_grad, r_grad, z_grad, n_grad = grads.split(width, 1)
        tanh_backward(1 - z, n, grad_input=n_grad)
        torch.mul(n_grad, r, out=y_n_grad)
        sigmoid_backward(n_grad * y_n, r, grad_input=r_grad)
        sigmoid_backward(h_before - n, z, grad_input=z_grad)
        y_grad, x_grad = grads[:, : 3 * width], grads[:, width:]
        weight_hh = weight_hh.roll(width, 0)
        h_all = inputs.new_zeros(ctx.sizes[0], width)
        views = (outputs_grad, z, grads.view(len(inputs), 4, width), y_grad)
        for n_reviews, output_grad, z_now, by_h_now, y_grad_now in _by_step(ctx.sizes, not ctx.reverse, *views):
            h_grad = h_all[:n_reviews].add_(output_grad)
            by_h_now.mul_(h_grad[:, None])
            h_grad.mul_(z_now).addmm_(y_grad_now, weight_hh)
        bias_grad = grads.sum(0)
        return (
            x_grad @ weight_ih,
            x_grad.t() @ inputs,
            (y_grad.t() @ h_before).roll(-width, 0),
            bias_grad[width:],
            bias_grad[: 3 * width].roll(-width),
            None,
            None,
        )
