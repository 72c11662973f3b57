// Window and level: which values are black and which are white. Kept in voxel values, shown in the file's own.

/** @typedef {import("./volume.js").Geometry} Geometry */
/** @typedef {import("./volume.js").Pair} Pair */

/** Presets in the order of their keys; a scan has those whose window the server could tell. */
export const PRESETS = [
  { name: "auto", title: "Auto" },
  { name: "full", title: "Full range" },
  { name: "brain", title: "Brain" },
  { name: "contrast", title: "High contrast" },
  { name: "file", title: "As in the file" },
];

/**
 * A table from voxel value to the grey of a canvas pixel (opaque, as one 32-bit number).
 * @param {Geometry} geometry
 * @param {Pair} window
 * @param {Uint32Array} table 256 entries for uint8, 65536 for int16 (from -32768)
 */
export function fillTable(geometry, [low, high], table) {
  const first = geometry.dtype === "int16" ? -32768 : 0;
  const slope = 255 / Math.max(high - low, 1e-6);
  for (let at = 0; at < table.length; at += 1) {
    const grey = Math.min(Math.max(Math.round((at + first - low) * slope), 0), 255);
    table[at] = (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
  }
}

/**
 * Narrowest and widest window, and the range of its middle.
 * @param {Geometry} geometry
 */
export function limits(geometry) {
  const [low, high] = geometry.windows.full ?? [0, 255];
  const span = Math.max(high - low, 1);
  return { low, high, narrowest: Math.max(span / 500, geometry.dtype === "int16" ? 2 : 1), widest: span * 2 };
}

/**
 * The window with another width and level, kept within the limits.
 * @param {Geometry} geometry
 * @param {number} width
 * @param {number} level
 * @returns {Pair}
 */
export function windowOf(geometry, width, level) {
  const { low, high, narrowest, widest } = limits(geometry);
  const half = Math.min(Math.max(width, narrowest), widest) / 2;
  const middle = Math.min(Math.max(level, low), high);
  return [middle - half, middle + half];
}

/**
 * As doctors read it: `W 820 L 410`, in the file's own values.
 * @param {Geometry} geometry
 * @param {Pair} window
 */
export function windowText({ slope, intercept }, [low, high]) {
  const width = (high - low) * slope;
  const level = ((high + low) / 2) * slope + intercept;
  const digits = width >= 20 ? 0 : width >= 1 ? 1 : 3;
  return `W ${width.toFixed(digits)} L ${level.toFixed(digits)}`;
}
