// From a slice's voxels to canvases: grey through a look-up table, mask and heat map as tinted sheets.

import { fillTable } from "./window.js";

/** @typedef {import("./volume.js").Pair} Pair */
/** @typedef {import("./volume.js").Volume} Volume */
/** @typedef {import("./volume.js").Voxels} Voxels */
/** @typedef {import("./plane.js").Plane} Plane */

// Little-endian ABGR of the machine's orange (--v-mark), without alpha.
const MARK = 0x003d8aff;
// The heat map's colours, from little to most.
const HEAT = [
  [142, 52, 214],
  [196, 58, 160],
  [232, 92, 92],
  [250, 150, 48],
  [252, 240, 60],
];
/** Shares of the strongest place: below the first nothing is tinted, from the second on the tint is whole. */
const NOTHING = 0.02;
const SOLID = 0.1;

/** One table for all planes of a viewer: they share their window. */
export class GreyTable {
  /** @param {Volume} volume */
  constructor(volume) {
    this.volume = volume;
    this.entries = new Uint32Array(volume.geometry.dtype === "int16" ? 65536 : 256);
    this.key = "";
  }

  /** @param {Pair} window */
  set(window) {
    const key = window.join();
    if (key === this.key) return;
    this.key = key;
    fillTable(this.volume.geometry, window, this.entries);
  }
}

/** Paints the slices of one plane. Each canvas has a voxel a pixel. */
export class Painter {
  /**
   * @param {Volume} volume
   * @param {Plane} plane
   * @param {GreyTable} table
   */
  constructor(volume, plane, table) {
    this.volume = volume;
    this.plane = plane;
    this.table = table;
    this.image = sheet(plane);
    this.mask = sheet(plane);
    this.heat = sheet(plane);
    const size = plane.width * plane.height;
    const length = size * volume.geometry.components;
    this.cut = volume.data instanceof Int16Array ? new Int16Array(length) : new Uint8Array(length);
    this.flat = new Uint8Array(size);
    this.pixels = new ImageData(plane.width, plane.height);
    this.words = new Uint32Array(this.pixels.data.buffer);
    this.done = { cut: -1, image: "", mask: -1, heat: -1 };
  }

  /** Forgets what was painted: other voxels are to be shown. */
  forget() {
    this.done = { cut: -1, image: "", mask: -1, heat: -1 };
  }

  /** @param {number} index */
  paintImage(index) {
    if (this.done.cut !== index) {
      this.plane.cut(
        /** @type {Uint8Array} */ (this.volume.data),
        this.volume.geometry.components,
        index,
        /** @type {Uint8Array} */ (this.cut),
      );
      this.done.cut = index;
    }
    const key = `${index} ${this.table.key}`;
    if (this.done.image === key) return;
    this.done.image = key;
    const { words, cut } = this;
    const table = this.table.entries;
    if (this.volume.geometry.components === 3) {
      for (let at = 0, from = 0; at < words.length; at += 1, from += 3) {
        const red = /** @type {number} */ (table[cut[from] ?? 0]) & 0xff;
        const green = /** @type {number} */ (table[cut[from + 1] ?? 0]) & 0xff00;
        const blue = /** @type {number} */ (table[cut[from + 2] ?? 0]) & 0xff0000;
        words[at] = (0xff000000 | blue | green | red) >>> 0;
      }
    } else {
      const first = cut instanceof Int16Array ? 32768 : 0;
      for (let at = 0; at < words.length; at += 1) {
        words[at] = /** @type {number} */ (table[/** @type {number} */ (cut[at]) + first]);
      }
    }
    this.image.getContext("2d")?.putImageData(this.pixels, 0, 0);
  }

  /**
   * The slice of the mask; also what its outline is traced from.
   * @param {number} index
   * @returns {Uint8Array|null}
   */
  paintMask(index) {
    if (!this.volume.mask) return null;
    if (this.done.mask === index) return this.flat;
    this.done.mask = index;
    this.plane.cut(this.volume.mask, 1, index, this.flat);
    this.fill(this.mask, (value) => (value ? (0xff000000 | MARK) >>> 0 : 0), this.flat);
    return this.flat;
  }

  /** @param {number} index */
  paintHeat(index) {
    if (!this.volume.heat || this.done.heat === index) return;
    this.done.heat = index;
    const level = new Uint8Array(this.flat.length);
    this.plane.cut(this.volume.heat, 1, index, level);
    this.fill(this.heat, heatOf, level);
  }

  /**
   * @param {HTMLCanvasElement} target
   * @param {(value: number) => number} colour
   * @param {Uint8Array} values
   */
  fill(target, colour, values) {
    const pixels = new ImageData(this.plane.width, this.plane.height);
    const words = new Uint32Array(pixels.data.buffer);
    for (let at = 0; at < words.length; at += 1) words[at] = colour(/** @type {number} */ (values[at]));
    target.getContext("2d")?.putImageData(pixels, 0, 0);
  }
}

/**
 * Clear where nothing was looked at, then violet over red and orange to yellow, in proportion to the level. Its
 * lightness rises all the way, and from a tenth on it is as opaque as at the top: the grey below cannot swallow the
 * low levels, which most of a map consists of.
 * @param {number} level 0 to 255
 */
function heatOf(level) {
  const share = level / 255;
  const at = share * (HEAT.length - 1);
  const below = Math.min(Math.floor(at), HEAT.length - 2);
  const [red, green, blue] = [0, 1, 2].map((part) => {
    const [from = 0, to = 0] = [HEAT[below]?.[part], HEAT[below + 1]?.[part]];
    return Math.round(from + (to - from) * (at - below));
  });
  const alpha = Math.round(255 * Math.min(1, Math.max(0, share - NOTHING) / (SOLID - NOTHING)));
  return ((alpha << 24) | ((blue ?? 0) << 16) | ((green ?? 0) << 8) | (red ?? 0)) >>> 0;
}

/**
 * The heat map's colours from nothing to most, for its legend.
 * @param {HTMLCanvasElement} target a pixel high
 */
export function paintScale(target) {
  const pixels = new ImageData(target.width, 1);
  const words = new Uint32Array(pixels.data.buffer);
  for (let at = 0; at < words.length; at += 1) words[at] = heatOf((255 * at) / (words.length - 1));
  target.getContext("2d")?.putImageData(pixels, 0, 0);
}

/** @param {Plane} plane */
function sheet(plane) {
  const canvas = document.createElement("canvas");
  canvas.width = plane.width;
  canvas.height = plane.height;
  return canvas;
}
