"""Convolutions with what commonly follows them, from which the networks of pictures are put together."""

from __future__ import annotations

from torch import Tensor, nn

from lift3d.errors import ShapeError

__all__ = ["check_sides", "conv_norm", "conv_norm_relu", "initialise", "initialise_outputs"]


def conv_norm(
    inputs: int, outputs: int, kernel: int, stride: int = 1, *, dilation: int = 1, groups: int = 1, bias: bool = False
) -> nn.Sequential:
    """A convolution and batch norm; with a stride of 1 the size stays, since ``dilation * (kernel // 2)`` is padded."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation=dilation, groups=groups, bias=bias)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def conv_norm_relu(
    inputs: int, outputs: int, kernel: int, stride: int = 1, *, dilation: int = 1, groups: int = 1, bias: bool = False
) -> nn.Sequential:
    """A convolution, batch norm and ReLU; see :func:`conv_norm`."""
    layers = conv_norm(inputs, outputs, kernel, stride, dilation=dilation, groups=groups, bias=bias)
    return layers.append(nn.ReLU(inplace=True))


def initialise(network: nn.Module) -> None:
    """Random weights to begin training with.

    Convolutions: normal with the deviation of He et al. (ICCV 2015, equation 14, by outputs), bias 0. Transposed
    convolutions: normal with deviation 0.001, as Xiao et al. (ECCV 2018) start them. Batch norms: scale 1, shift 0.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=0.001)


def initialise_outputs(*layers: nn.Conv2d | nn.Linear, bias: float = 0.0) -> None:
    """Weights of layers that give answers: normal with deviation 0.001, so that training begins near ``bias``."""
    for layer in layers:
        nn.init.normal_(layer.weight, std=0.001)
        if layer.bias is not None:
            nn.init.constant_(layer.bias, bias)


def check_sides(images: Tensor, multiple: int) -> None:
    """Refuse pictures whose sides would not be halved evenly on the way down.

    Raises:
        ShapeError: height or width is no multiple of ``multiple``.
    """
    if images.shape[-2] % multiple or images.shape[-1] % multiple:
        raise ShapeError("images", images.shape, f"(batch, 3, height, width), both multiples of {multiple}")
