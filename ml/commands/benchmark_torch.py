"""The same U-Net in PyTorch, eager and compiled, for comparison. Needs `requirements-bench.txt`; else None."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

AGREE = 2e-3
"""Largest difference of an outline's probability that still counts as the same network (both in float32)."""

Timer = Callable[[Callable[[], object]], dict[str, float]]


def measure(folded: Any, picture: np.ndarray, timer: Timer, threads: int) -> dict[str, Any] | None:
    """Times the folded Keras U-Net's twin in PyTorch on one float32 picture (1, 256, 256, 3); None without PyTorch.

    Gives eager and compiled milliseconds and the largest difference of the outlines from Keras' own.
    Raises RuntimeError when the twin does not agree: its times would mean nothing.
    """
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    torch.set_num_threads(threads)
    twin = _twin(folded)
    given = torch.from_numpy(picture.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        ours = np.asarray(folded(picture, training=False))
        theirs = twin(given).numpy().transpose(0, 2, 3, 1)
        apart = float(np.abs(ours - theirs).max())
        if apart > AGREE:
            raise RuntimeError(f"PyTorch's U-Net differs by {apart:.4f}; the two are not the same network.")
        figures: dict[str, Any] = {
            "version": torch.__version__,
            "largest_difference": round(apart, 6),
            "eager_ms": timer(lambda: twin(given)),
        }
        try:
            compiled = torch.compile(twin)
            compiled(given)
            figures["compiled_ms"] = timer(lambda: compiled(given))
        except RuntimeError as error:  # without a C++ compiler there is nothing to measure: say so
            figures["compiled_ms"] = None
            figures["compiled_fault"] = type(error).__name__
    return figures


def _twin(folded: Any) -> Any:
    """A torch function with the folded Keras U-Net's weights: (1, 3, 256, 256) to (1, 1, 256, 256)."""
    import torch
    from torch import nn
    from torch.nn import functional

    from ml.networks.unet import SUREST, WORKING_SIDE

    def convolution(name: str) -> Any:
        kernel, bias = folded.get_layer(name).get_weights()
        layer = nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[0], padding="same")
        layer.weight.data = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
        layer.bias.data = torch.from_numpy(bias)
        return layer.to(memory_format=torch.channels_last)

    parts = {layer.name: convolution(layer.name) for layer in folded.layers if layer.__class__.__name__ == "Conv2D"}

    def block(x: Any, name: str) -> Any:
        for part in ("a", "b"):
            x = functional.relu(parts[f"{name}_conv_{part}"](x))
        return x

    def forward(x: Any) -> Any:
        size = (WORKING_SIDE, WORKING_SIDE)
        x = functional.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
        skips = []
        for number in (1, 2, 3, 4):
            x = block(x, f"down{number}")
            skips.append(x)
            x = functional.max_pool2d(x, 2)
        x = block(x, "bottleneck")
        for number in (4, 3, 2, 1):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = parts[f"up{number}_reduce"](x)
            x = block(torch.cat([skips[number - 1], x], 1), f"up{number}")
        x = functional.relu(parts["refine"](x))
        x = torch.clamp(parts["outlines"](x), -SUREST, SUREST)
        return torch.sigmoid(functional.interpolate(x, (256, 256), mode="bilinear", align_corners=False))

    return forward
