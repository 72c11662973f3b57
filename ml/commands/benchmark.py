"""`python -m ml benchmark`: one warm slice and a volume, beside the plain `model.predict` way, in one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ml.commands import outputs

REPEATS = 30
SERIES_SLICES = 64
SIZE = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--models", type=Path, metavar="DIR", help="weights and manifest (default: models/)")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, and write where asked. Gives 0, 1 when writing failed, or 2 when models or FILE cannot be used."""
    from ml import weights
    from ml.imaging.errors import ImagingError

    if refusal := outputs.refuse(file=arguments.json):
        print(f"python -m ml benchmark: {refusal}", file=sys.stderr)
        return 2
    try:
        figures = measure(arguments.models or weights.FOLDER)
    except ImagingError as fault:
        print(f"python -m ml benchmark: {fault.sentence}", file=sys.stderr)
        return 2
    print(json.dumps(figures, indent=1))
    return 0 if arguments.json is None or outputs.write_json(arguments.json, figures) else 1


def measure(folder: Path) -> dict[str, Any]:
    """Every figure of one run. Raises WeightsFault when the models are not sound."""
    from ml import processor, weights
    from ml.commands import benchmark_torch
    from ml.imaging.volume import Volume
    from ml.networks import load
    from ml.networks.inference import Compiled
    from ml.pipeline import Pipeline

    started = time.perf_counter()
    pipeline = Pipeline.load(folder)
    loading = time.perf_counter() - started
    thorough = pipeline.thorough()
    pixels = picture()
    single = Volume(pixels[np.newaxis, ..., np.newaxis], "image", ("slice",))
    series = Volume(np.repeat(single.voxels, SERIES_SLICES, axis=0), "series", ("slice",) * SERIES_SLICES)
    manifest = weights.read_manifest(folder)
    plain = (
        load.folded_classifier(folder, manifest, policy="float32"),
        load.folded_unet(folder, manifest, "t1c", policy="float32"),
    )
    batch = np.repeat(pixels[np.newaxis, ..., np.newaxis], 3, axis=3)
    # Both sides see the slice through both networks: the compiled ones straight, so that neither
    # the gate's nor the classifier's opinion of a drawing can spare the second network.
    networks = pipeline._classifier, pipeline._unets["t1c"]  # both U-Nets cost the same
    # Like for like: one picture through each network. The pipeline gives the U-Net each slice's mirror image
    # as well, which is told beside it and held against the same plain way.
    alone = Compiled(load.folded_unet(folder, manifest, "t1c"), batches=(1,))
    alone.warm()
    ours = milliseconds(lambda: [network(batch) for network in (networks[0], alone)])
    mirrored = milliseconds(lambda: [network(batch) for network in networks])
    theirs = milliseconds(lambda: [model.predict(batch, verbose=0) for model in plain])
    outlining = milliseconds(lambda: networks[1](batch))
    whole = milliseconds(lambda: thorough([single]))
    thorough([series])
    started = time.perf_counter()
    thorough([series])
    series_seconds = time.perf_counter() - started
    operations = convolution_operations(plain[1])
    peak = matrix_peak()
    batched = milliseconds(lambda: networks[1](np.repeat(batch, 16, axis=0)))
    return {
        "model_version": pipeline.version,
        "computing": processor.computing(),
        "load_and_warm_s": round(loading, 2),
        "slice_both_networks_ms": ours,
        "slice_two_model_predict_ms": theirs,
        "times_faster": round(theirs["median"] / ours["median"], 2),
        "slice_and_mirror_image_ms": mirrored,
        "times_faster_mirror_image_included": round(theirs["median"] / mirrored["median"], 2),
        "slice_pipeline_ms": whole,
        "series_slices": SERIES_SLICES,
        "series_slices_per_s": round(SERIES_SLICES / series_seconds, 1),
        "unet": {
            "operations_a_picture": operations,
            # The compiled graph takes pictures in pairs: each goes through with its mirror image.
            "pair_ms": outlining,
            "batch_of_16_ms": batched,
            "gflops_in_a_batch": round(16 * operations / batched["median"] / 1e6, 1),
            "matrix_multiply_gflops": peak,
            "share_of_peak": round(16 * operations / batched["median"] / 1e6 / max(peak.values()), 3),
            "pytorch": benchmark_torch.measure(
                plain[1], batch.astype(np.float32) / 255.0, milliseconds, os.cpu_count() or 1
            ),
        },
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
        },
    }


def convolution_operations(model: Any) -> int:
    """Floating-point operations (two for a multiply and add) of all convolutions for one picture."""
    total = 0
    for layer in model.layers:
        if layer.__class__.__name__ == "Conv2D":
            _, rows, columns, filters = layer.output.shape
            kernel = layer.kernel.shape
            total += 2 * rows * columns * filters * kernel[0] * kernel[1] * kernel[2]
    return int(total)


def matrix_peak(side: int = 2048) -> dict[str, float]:
    """The machine's matrix multiplication in GFLOP/s, as TensorFlow does it: float32 and bfloat16."""
    import tensorflow as tf

    def gflops(kind: Any) -> float:
        matrix = tf.cast(tf.random.normal((side, side)), kind)
        multiply = tf.function(lambda x: tf.linalg.matmul(x, x))
        times = milliseconds(lambda: multiply(matrix).numpy(), repeats=8)
        return round(2 * side**3 / times["median"] / 1e6, 1)

    return {kind.name: gflops(kind) for kind in (tf.float32, tf.bfloat16)}


def picture() -> np.ndarray:
    """A drawn head, (256, 256) uint8: bright rim, darker inside, one bright spot."""
    axis = np.linspace(-1, 1, SIZE)
    x, y = np.meshgrid(axis, axis)
    radius = np.hypot(x / 0.72, y / 0.9)
    image = np.where(radius < 1, 150.0, 0.0)
    image[radius < 0.9] = 20.0
    image[radius < 0.84] = 100.0
    image[np.hypot((x - 0.3) / 0.16, (y + 0.1) / 0.2) < 1] = 210.0
    noise = np.random.default_rng(1).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def milliseconds(act: Callable[[], object], repeats: int = REPEATS) -> dict[str, float]:
    """Median and 95th percentile of warm runs."""
    for _ in range(3):
        act()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        act()
        times.append((time.perf_counter() - started) * 1000)
    return {"median": round(statistics.median(times), 2), "p95": round(float(np.percentile(times, 95)), 2)}
