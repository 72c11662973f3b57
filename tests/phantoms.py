"""Generated heads: geometry and noise, no patient anywhere.

`Head` draws one axial slice at a time in four contrasts; `slice_picture` and `volume` keep
what they drew, so that a test pays once; the `write_*` functions make real files of them.
Coordinates: x from -1 (picture's left, the patient's right) to 1, y from -1 (front) to 1
(back), z from -1 (skull base) to 1 (vertex); slices are good from z = -0.3 to 0.75.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

NOISE = 0.022

# Brightness of each tissue, 0..1.
CONTRASTS: dict[str, dict[str, float]] = {
    "t1c": {"fat": 0.86, "bone": 0.05, "csf": 0.10, "grey": 0.40, "white": 0.62, "deep": 0.49, "rim": 0.98, "core": 0.24, "oedema": 0.42, "vessel": 0.95},
    "t1": {"fat": 0.90, "bone": 0.05, "csf": 0.09, "grey": 0.40, "white": 0.62, "deep": 0.46, "rim": 0.36, "core": 0.22, "oedema": 0.40, "vessel": 0.10},
    "t2": {"fat": 0.62, "bone": 0.04, "csf": 0.98, "grey": 0.52, "white": 0.36, "deep": 0.44, "rim": 0.80, "core": 0.92, "oedema": 0.74, "vessel": 0.06},
    "flair": {"fat": 0.55, "bone": 0.04, "csf": 0.06, "grey": 0.46, "white": 0.37, "deep": 0.41, "rim": 0.86, "core": 0.66, "oedema": 0.80, "vessel": 0.06},
}  # fmt: skip


@dataclass(frozen=True)
class Lesion:
    """A tumour: centre, radii, and how solid it looks."""

    x: float = 0.30
    y: float = -0.10
    z: float = 0.15
    rx: float = 0.17
    ry: float = 0.20
    rz: float = 0.25
    solid: bool = True


# On the picture's right: the patient's left, so that a flipped picture is noticed.
LEFT_LESION = Lesion()


class _Noise:
    """Smooth noise in three dimensions, evaluated anywhere."""

    def __init__(self, random: np.random.Generator, size: int = 32) -> None:
        self.lattice = ndimage.spline_filter(random.standard_normal((size,) * 3), order=3, mode="grid-wrap")

    def __call__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        x, y, z = np.broadcast_arrays(x, y, z)
        points = [x.ravel(), y.ravel(), z.ravel()]
        values = ndimage.map_coordinates(self.lattice, points, order=3, mode="grid-wrap", prefilter=False)
        return values.reshape(x.shape)


def _step(edge: np.ndarray, width: float) -> np.ndarray:
    """1 where edge is below 0, 0 above, soft between."""
    return np.clip(0.5 - edge / width, 0, 1)


def _ellipse(x: np.ndarray, y: np.ndarray, cx: float, cy: float, rx: float, ry: float, turn: float = 0.0) -> np.ndarray:
    """Below 0 inside."""
    c, s = np.cos(turn), np.sin(turn)
    u, v = (x - cx) * c + (y - cy) * s, -(x - cx) * s + (y - cy) * c
    return np.hypot(u / rx, v / ry) - 1


def _put(image: np.ndarray, where: np.ndarray, value: np.ndarray | float) -> np.ndarray:
    return image * (1 - where) + value * where


class Head:
    """One person's head, the same for the same seed."""

    def __init__(self, seed: int, lesions: Sequence[Lesion] = ()) -> None:
        random = np.random.default_rng(seed)
        self.noises = [_Noise(random) for _ in range(4)]
        self.offsets = random.uniform(0, 30, (8, 3))
        self.lesions = tuple(lesions)
        self.seed = seed

    def slice(self, z: float, contrast: str = "flair", size: int = 256) -> tuple[np.ndarray, np.ndarray]:
        """Draw one slice.

        Returns:
            (size, size) float64 brightness 0..1.15, and (size, size) bool, the tumour.
        """
        axis = (np.arange(size) + 0.5) / size * 2 - 1
        self.x, self.y = np.meshgrid(axis, axis)
        self.z, self.pixel, self.colours = z, 2 / size, CONTRASTS[contrast]
        image, depth = self._skull()
        brain, fissures = self._surface(depth)
        image = _put(image, brain, self._tissue(fissures, brain, depth, contrast))
        image = _put(image, _step(fissures, 2.2 * self.pixel) * brain, self.colours["csf"])
        image = self._vessels(image)
        image, tumour = self._tumours(image, brain)
        image = image * (1 + 0.10 * (self.x * 0.5 - self.y * 0.35) + 0.07 * self._wave(0, 2, 0.8))
        image = ndimage.gaussian_filter(image, 0.85 * size / 512)
        random = np.random.default_rng([self.seed, int((z + 2) * 1000)])
        image = np.hypot(
            image + NOISE * random.standard_normal(image.shape), NOISE * random.standard_normal(image.shape)
        )
        return np.clip(image, 0, 1.15), tumour > 0.5

    def _wave(self, offset: int, noise: int, frequency: float, along_z: float | None = None) -> np.ndarray:
        o = self.offsets[offset]
        z = np.full_like(self.x, self.z) * (frequency if along_z is None else along_z)
        return self.noises[noise](self.x * frequency + o[0], self.y * frequency + o[1], z + o[2])

    def _skull(self) -> tuple[np.ndarray, np.ndarray]:
        """Skin, fat, bone and the fluid inside; and each pixel's depth below the skin."""
        x, y, z, colours, pixel = self.x, self.y, self.z, self.colours, self.pixel
        narrowing = np.sqrt(max(1 - (max(np.clip(z, -1, 0.999), -0.25) + 0.12) ** 2 / 1.27, 0.02))
        self.rx, self.ry = 0.735 * narrowing, 0.915 * narrowing
        angle = np.arctan2(y, x)
        bumps = 0.012 * np.cos(2 * angle + 1) + 0.010 * np.cos(3 * angle + self.offsets[0, 0])
        radius = np.hypot(x / (self.rx * (1 + 0.055 * y / self.ry)), y / self.ry) * (1 - bumps)
        depth = (1 - radius) * (self.rx + self.ry) / 2
        skin, fat = _step(-depth, 2 * pixel), _step(0.012 - depth, 2 * pixel)
        bone = _step(0.045 + 0.010 * self._wave(7, 3, 3) - depth, 2 * pixel)
        self.dura = 0.112 + 0.010 * self._wave(6, 2, 2.2)
        image = skin * 0.42 * (1 - fat) + fat * colours["fat"] * (0.82 + 0.12 * self._wave(5, 2, 9))
        image = _put(image, bone, colours["bone"])
        return _put(image, _step(self.dura - depth, 2 * pixel), colours["csf"]), depth

    def _surface(self, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the brain is (0..1), and its fissures (below 0 inside)."""
        x, y, z, pixel = self.x, self.y, self.z, self.pixel
        below = depth - self.dura - 0.016 - 0.012 * np.abs(self._wave(4, 1, 3))
        self.below = below
        xw, yw = x + self._wave(0, 0, 4.2, 3.2) * 0.050, y + self._wave(1, 1, 4.2, 3.2) * 0.050
        angle, radius = np.arctan2(yw, xw), np.hypot(xw / self.rx, yw / self.ry)
        fissures = np.full_like(x, 9.0)
        for noise, offset, around, inward, up, width, limit in (
            (0, 2, 4.5, 1.9, 3.4, 0.0078, 0.27 + 0.08 * self._wave(5, 1, 4) + 0.25 * max(z - 0.55, 0)),
            (2, 3, 7.2, 3.6, 4.2, 0.0062, 0.145 + 0.06 * self._wave(6, 0, 5) + 0.12 * max(z - 0.55, 0)),
        ):
            o = self.offsets[offset]
            field = self.noises[noise](
                np.cos(angle) * around + o[0], np.sin(angle) * around + o[1], radius * inward + z * up + o[2]
            )
            gy, gx = np.gradient(field, pixel)
            distance = np.abs(field) / (np.hypot(gx, gy) + 1.2)
            inside = np.clip(below, 0, 9)
            edge = distance - width * np.clip(1.25 - inside / limit, 0, 1.1)
            fissures = np.minimum(fissures, np.where(inside > limit, np.maximum(distance, inside - limit), edge))
        middle = np.abs(x + 0.012 * self._wave(4, 3, 3.5))
        open_ = np.clip(
            _step(y + 0.36 - 0.88 * max(z - 0.25, 0), 0.05) + _step(0.75 * max(z - 0.2, 0) + y * -1 + 0.40, 0.05), 0, 1
        )
        if z > 0.42:
            open_ = np.ones_like(y)
        self.middle = middle - 0.0085 * open_ + (1 - open_) * 0.2
        return _step(-below, 2 * pixel), np.minimum(fissures, self.middle)

    def _tissue(self, fissures: np.ndarray, brain: np.ndarray, depth: np.ndarray, contrast: str) -> np.ndarray:
        """Grey and white matter, deep grey nuclei and ventricles."""
        x, y, z, colours, pixel = self.x, self.y, self.z, self.colours, self.pixel
        distance = ndimage.distance_transform_edt(~((fissures < 0) | (self.below < 0))) * pixel
        self.grey = _step(distance - 0.034 - 0.005 * self._wave(7, 1, 6), 5 * pixel)
        white = colours["white"] * (1 + 0.035 * self._wave(3, 3, 5) + 0.02 * self._wave(2, 2, 14))
        tissue = _put(white, self.grey, colours["grey"] * (1 + 0.05 * self._wave(2, 3, 12)))
        ventricles = np.full_like(x, 9.0)
        for side in (-1, 1):
            across = side * x + 0.012 * self._wave(0, 3, 6)
            if -0.30 < z < 0.30:
                k = 1 - (z / 0.30) ** 2
                for cx, cy, rx, ry, turn, shade in (
                    (0.125, 0.13, 0.085, 0.125, -0.25, 1.0),
                    (0.262, -0.035, 0.055, 0.165, -0.22, 0.97),
                    (0.120, -0.205, 0.045, 0.085, -0.30, 0.95),
                ):
                    nucleus = _ellipse(across, y, cx, cy, rx * k + 0.008, ry * k + 0.01, turn)
                    tissue = _put(tissue, _step(nucleus, 0.14), colours["deep"] * shade)
            if -0.16 < z < 0.22:
                k = 1 - abs((z - 0.03) / 0.21)
                horn = _ellipse(across, y, 0.070 + 0.02 * (1 - k), -0.235, 0.040 * k + 0.012, 0.115 * k + 0.02, -0.42)
                ventricles = np.minimum(ventricles, horn * 0.06)
            if -0.06 < z < 0.40:
                k = np.clip(1 - abs((z - 0.20) / 0.21), 0, 1)
                body = _ellipse(across, y, 0.085, 0.02, 0.040 * k + 0.004, 0.33 * k + 0.02, 0.10)
                ventricles = np.minimum(ventricles, body * 0.05)
            if -0.28 < z < 0.26:
                k = 1 - abs(z / 0.28)
                horn = _ellipse(across, y, 0.215 - 0.03 * k, 0.315, 0.036 * k + 0.008, 0.15 * k + 0.015, 0.48)
                ventricles = np.minimum(ventricles, horn * 0.05)
        return _put(tissue, _step(ventricles, 3 * pixel), colours["csf"])

    def _vessels(self, image: np.ndarray) -> np.ndarray:
        for cy, rx, ry in ((self.ry - 0.128, 0.030, 0.020), (-(self.ry - 0.125), 0.012, 0.012)):
            image = _put(image, _step(_ellipse(self.x, self.y, 0, cy, rx, ry), 0.4), self.colours["vessel"] * 0.8)
        return image

    def _tumours(self, image: np.ndarray, brain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours, tumour = self.colours, np.zeros_like(image)
        for lesion in self.lesions:
            dz = (self.z - lesion.z) / lesion.rz
            if abs(dz) > 2.4:
                continue
            dx, dy = self.x - lesion.x, self.y - lesion.y
            lobes = 0.16 * self._wave(5, 1, 5) * np.clip(np.hypot(dx, dy) / lesion.rx, 0, 1)
            c, s = np.cos(0.3), np.sin(0.3)
            u, v = (dx * c + dy * s) / lesion.rx, (-dx * s + dy * c) / lesion.ry
            reach = np.sqrt(u**2 + v**2 + dz**2) - lobes
            inside = brain * (1 - _step(self.middle - 0.002, 0.01))
            oedema = _step(reach - 1.75 - 0.30 * self._wave(1, 2, 7), 0.55) * (1 - 0.75 * self.grey) * inside
            image = _put(image, oedema * 0.85, colours["oedema"])
            solid = _step(reach - 1, 0.10) * inside
            texture = self._wave(4, 0, 16)
            value = colours["rim"] * (0.90 + 0.07 * texture)
            if not lesion.solid:
                value = _put(value, _step(reach - 0.58 - 0.16 * self._wave(2, 1, 9), 0.16), colours["core"])
            image = _put(image, solid, value)
            tumour = np.maximum(tumour, solid)
        return image, tumour


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Brightness 0..1 to uint8, as a viewer would window it."""
    return (np.clip((image - 0.02) / 0.98, 0, 1) ** 0.95 * 255).astype(np.uint8)


@lru_cache(maxsize=64)
def slice_picture(
    *, tumour: bool = True, contrast: str = "flair", size: int = 256, z: float = 0.15, seed: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """One slice as (size, size) uint8, and its tumour as (size, size) bool; both read-only."""
    image, mask = Head(seed, [LEFT_LESION] if tumour else []).slice(z, contrast, size)
    pixels = to_uint8(image)
    pixels.flags.writeable = mask.flags.writeable = False
    return pixels, mask


@lru_cache(maxsize=8)
def volume(
    *, slices: int = 12, size: int = 128, tumour: bool = True, contrast: str = "flair", seed: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """A head as (slices, size, size) uint8, from below upwards, and its tumour as bool; both read-only."""
    drawn = [
        slice_picture(tumour=tumour, contrast=contrast, size=size, z=float(z), seed=seed)
        for z in np.linspace(-0.28, 0.70, slices)
    ]
    pixels, mask = np.stack([each[0] for each in drawn]), np.stack([each[1] for each in drawn])
    pixels.flags.writeable = mask.flags.writeable = False
    return pixels, mask


def write_picture(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """Write (rows, columns) or (rows, columns, 3) as the format that the name's ending says."""
    from PIL import Image

    Image.fromarray(pixels).save(path, **options)
    return path


def write_pictures(folder: Path, voxels: np.ndarray, name: str = "head_{}.png") -> list[Path]:
    """Write each slice as a numbered picture, from 1."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write_picture(folder / name.format(number), pixels) for number, pixels in enumerate(voxels, start=1)]


def write_nifti(
    path: Path,
    voxels: np.ndarray,
    *,
    axes: str = "RAS",
    spacing: tuple[float, float, float] = (5.0, 0.9, 0.8),
    tilt: float = 0.0,
) -> Path:
    """Write axial slices as NIfTI.

    Args:
        voxels: (slices upwards, rows to the back, columns to the left).
        axes: the way the file stores its axes, as nibabel names them.
        spacing: mm between slices, rows, columns.
        tilt: degrees by which slices run towards the feet further back.
    """
    import nibabel
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

    right_front_up = np.ascontiguousarray(voxels.transpose(2, 1, 0)[::-1, ::-1])
    affine = np.diag([spacing[2], spacing[1], spacing[0], 1.0])
    affine[:3, 3] = -60.0, -70.0, -40.0
    cosine, sine = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    affine[1:3] = np.array([[cosine, -sine], [sine, cosine]]) @ affine[1:3]
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(axes))
    stored = nibabel.orientations.apply_orientation(right_front_up, turn)
    image = nibabel.Nifti1Image(stored, affine @ inv_ornt_aff(turn, right_front_up.shape))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path
