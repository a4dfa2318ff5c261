"""What changes the weights: AdamW, or Muon for the matrices inside a network.

AdamW is Loshchilov and Hutter's (ICLR 2019); without weight decay it is Adam. With AMSGrad (Reddi et al., ICLR 2018)
a step is never scaled up again; VideoPose3D is trained so. Muon (Jordan et al. 2024) makes each matrix's step
orthogonal, so that no direction is neglected; scaled as by Liu et al. (2025), it takes AdamW's learning rate. It costs
more a step and needs fewer. Everything that is no matrix, and the first and last layers, stay with AdamW.
"""

from __future__ import annotations

import torch
from torch import nn

from lift3d.errors import UnknownNameError

__all__ = ["OPTIMISERS", "optimisers_for"]

OPTIMISERS = ("adamw", "amsgrad", "muon")
_INSIDE = 128  # rows and columns that a matrix inside a network has at least


def optimisers_for(
    network: nn.Module, name: str, learning_rate: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """The optimisers that together change all weights.

    Raises:
        UnknownNameError: there is no such optimiser.
    """
    if name not in OPTIMISERS:
        raise UnknownNameError("optimiser", name, OPTIMISERS)
    weights = list(network.parameters())
    inside = [weight for weight in weights if name == "muon" and weight.ndim == 2 and min(weight.shape) >= _INSIDE]
    chosen = {id(weight) for weight in inside}
    others = [weight for weight in weights if id(weight) not in chosen]
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=learning_rate, weight_decay=weight_decay, amsgrad=name == "amsgrad", fused=True)
    ]
    if inside:
        found.append(
            torch.optim.Muon(inside, lr=learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        )
    return found
