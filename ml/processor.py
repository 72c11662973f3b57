"""What suits the processor at hand: the precision of the networks, and oneDNN's kernels for TensorFlow.

TensorFlow is not imported here: the kernels are chosen before that. Measured in docs/decisions/0009-engines.md.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Literal

Precision = Literal["float32", "mixed_bfloat16"]
"""A Keras policy."""

BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
"""Processor flags (Linux' names) of which each means that bfloat16 is multiplied by an instruction of its own."""

_CPUINFO = Path("/proc/cpuinfo")


def use_onednn() -> None:
    """Has TensorFlow take oneDNN's kernels, unless the environment says otherwise; in vain once it is imported.

    Left alone it takes them only where the processor has AVX512_VNNI, AVX512_BF16 or AMX, and is slower without.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def precision(flags: Collection[str] | None = None) -> Precision:
    """bfloat16 where the processor (or one with these flags) multiplies it itself; else it costs time and is only coarser."""
    return "mixed_bfloat16" if BFLOAT16 & set(_flags() if flags is None else flags) else "float32"


def computing() -> str:
    """With what the networks compute in this process, e.g. "TensorFlow 2.21.0, oneDNN, float32". Imports TensorFlow."""
    import tensorflow as tf
    from tensorflow.python.util import _pywrap_util_port  # nothing public tells it

    kernels = "oneDNN" if _pywrap_util_port.IsMklEnabled() else "without oneDNN"
    return f"TensorFlow {tf.__version__}, {kernels}, {precision()}"


def _flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """The first processor's flags; none where the system does not tell them (not Linux, not x86)."""
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    told = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return frozenset(told.split())
