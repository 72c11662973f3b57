// One plane of a volume: its size, its letters, and the way between voxels and the slice as it is seen.
// On a slice, x grows to the right and y downwards; the voxel in column c and row r covers x from c to c + 1.

/** @typedef {import("./volume.js").Geometry} Geometry */
/** @typedef {import("./volume.js").PlaneName} PlaneName */
/** @typedef {import("./volume.js").Triple} Triple */
/** @typedef {import("./volume.js").Voxels} Voxels */

/** @type {Record<PlaneName, Triple>} which of x, y, z runs across, down and through */
const AXES = { axial: [0, 1, 2], coronal: [0, 2, 1], sagittal: [1, 2, 0], acquired: [0, 1, 2] };
/** @type {Record<PlaneName, string>} */
const TITLES = { axial: "Axial", coronal: "Coronal", sagittal: "Sagittal", acquired: "As acquired" };
/** @type {Record<string, string>} */
const OPPOSITE = { L: "R", R: "L", A: "P", P: "A", S: "I", I: "S" };

export class Plane {
  /**
   * @param {Geometry} geometry
   * @param {PlaneName} name
   */
  constructor(geometry, name) {
    const [across, down, through] = AXES[name];
    this.axes = AXES[name];
    this.name = name;
    this.title = TITLES[name];
    this.dims = geometry.dims;
    this.width = size(geometry, across);
    this.height = size(geometry, down);
    this.count = size(geometry, through);
    /** Whether the slice is seen head up, against the growing z. */
    this.upwards = name === "coronal" || name === "sagittal";
    /** Slices are numbered as the analysis numbers them, which may be against the volume's axis. */
    this.backwards = geometry.reversed && name === geometry.acquired;
    const mm = geometry.spacing && [geometry.spacing[across], geometry.spacing[down]];
    /** @type {[number, number]|null} millimetres from voxel to voxel, across and down */
    this.mm = mm?.[0] && mm[1] ? [mm[0], mm[1]] : null;
    /** Screen shape of a voxel; square where nothing is known. */
    this.shape = this.mm ?? [1, 1];
    this.letters = letters(geometry, across, down, this.upwards);
  }

  /**
   * Where a voxel of the volume lies: its slice, and its middle on it.
   * @param {Triple} voxel
   */
  at(voxel) {
    const [x = 0, down = 0, through = 0] = this.axes.map((axis) => voxel[axis]);
    const row = this.upwards ? this.height - 1 - down : down;
    return { index: this.layer(through), x: x + 0.5, y: row + 0.5 };
  }

  /**
   * The voxel under a place on a slice, inside the volume.
   * @param {number} index
   * @param {number} x
   * @param {number} y
   * @returns {Triple}
   */
  voxel(index, x, y) {
    const [across, down, through] = this.axes;
    const row = clamp(Math.floor(y), 0, this.height - 1);
    /** @type {Triple} */
    const voxel = [0, 0, 0];
    voxel[across] = clamp(Math.floor(x), 0, this.width - 1);
    voxel[down] = this.upwards ? this.height - 1 - row : row;
    voxel[through] = this.layer(clamp(index, 0, this.count - 1));
    return voxel;
  }

  /**
   * The middle of what is outlined on a slice, or null where nothing is.
   * @param {Uint8Array} mask
   * @param {number} index
   */
  middleOf(mask, index) {
    const slice = new Uint8Array(this.width * this.height);
    this.cut(mask, 1, index, slice);
    let [sumX, sumY, count] = [0, 0, 0];
    for (const [at, inside] of slice.entries()) {
      if (!inside) continue;
      sumX += at % this.width;
      sumY += Math.floor(at / this.width);
      count += 1;
    }
    return count ? { x: sumX / count + 0.5, y: sumY / count + 0.5 } : null;
  }

  /**
   * From the number of a slice to its place along the axis, and back.
   * @param {number} index
   */
  layer(index) {
    return this.backwards ? this.count - 1 - index : index;
  }

  /**
   * Copies one slice out of a volume.
   * @template {Voxels} T
   * @param {T} data
   * @param {number} components
   * @param {number} index
   * @param {T} target width x height x components
   */
  cut(data, components, index, target) {
    const strides = [components, components * this.dims[0], components * this.dims[0] * this.dims[1]];
    const [across, down, through] = this.axes;
    const stepX = /** @type {number} */ (strides[across]);
    const stepY = /** @type {number} */ (strides[down]) * (this.upwards ? -1 : 1);
    let row = this.layer(index) * /** @type {number} */ (strides[through]);
    if (this.upwards) row += (this.height - 1) * /** @type {number} */ (strides[down]);
    let to = 0;
    for (let y = 0; y < this.height; y += 1, row += stepY) {
      let from = row;
      for (let x = 0; x < this.width; x += 1, from += stepX) {
        for (let c = 0; c < components; c += 1) target[to++] = /** @type {number} */ (data[from + c]);
      }
    }
  }
}

/**
 * @param {Geometry} geometry
 * @param {number} axis
 */
function size(geometry, axis) {
  return /** @type {number} */ (geometry.dims[axis]);
}

/**
 * The letters at left, right, upper and lower edge, or null where the sides are not known.
 * @param {Geometry} geometry
 * @param {number} across
 * @param {number} down
 * @param {boolean} upwards
 */
function letters(geometry, across, down, upwards) {
  if (!geometry.labels) return null;
  const right = String(geometry.labels[across]);
  const far = String(geometry.labels[down]);
  const below = upwards ? opposite(far) : far;
  return { left: opposite(right), right, top: opposite(below), bottom: below };
}

/** @param {string} sides one letter, or several for an oblique axis */
function opposite(sides) {
  return [...sides].map((side) => OPPOSITE[side]).join("");
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
