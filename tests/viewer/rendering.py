"""What the worker writes for the viewer, unpacked again."""

from __future__ import annotations

import gzip
import json

import numpy as np

from detection.analysis import voxels
from ml.findings import Compartment, Findings, Mask, SliceFinding, Verdict
from ml.imaging.volume import Volume
from ml.measure import lesions


def findings(volume: Volume, mask: np.ndarray | None = None) -> Findings:
    pixels = np.zeros(volume.voxels.shape[:3], bool) if mask is None else mask
    measured = lesions(pixels, volume.spacing, orientation=volume.orientation)
    return Findings(
        kind=volume.kind,
        verdict=Verdict.UNCERTAIN,
        reason="Only for this test.",
        tumour_probability=0.4,
        compartment=Compartment.FLAIR_ABNORMALITY if pixels.any() else None,
        tumour_volume_ml=None,
        lesions=measured.lesions,
        slices=tuple(
            SliceFinding(index, source, 0.4, Verdict.UNCERTAIN, Mask(pixels[index]))
            for index, source in enumerate(volume.sources)
        ),
    )


def rendered(volume: Volume, mask: np.ndarray | None = None) -> tuple[dict, np.ndarray, np.ndarray]:
    """volume.json, the voxels in the file's own values as (z, y, x, components), and the mask."""
    files = dict(voxels.render(volume, findings(volume, mask)))
    described = json.loads(files["volume.json"])
    x, y, z = described["dims"]
    dtype = np.dtype({"uint8": "u1", "int16": "<i2"}[described["dtype"]])
    sent = np.frombuffer(gzip.decompress(files["voxels.gz"]), dtype).reshape(z, y, x, described["components"])
    values = sent * described["slope"] + described["intercept"]
    return described, values, np.frombuffer(gzip.decompress(files["mask.gz"]), np.uint8).reshape(z, y, x)
