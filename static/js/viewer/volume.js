// A volume in memory: one model for a picture (depth 1), a series and a volume of three planes.

/** @typedef {"axial"|"coronal"|"sagittal"|"acquired"} PlaneName */
/** @typedef {[number, number, number]} Triple */
/** @typedef {[number, number]} Pair */
/** @typedef {Uint8Array|Int16Array} Voxels */

/**
 * volume.json of the server (detection/analysis/voxels.py).
 * @typedef {object} Geometry
 * @property {Triple} dims x, y, z
 * @property {[number|null, number|null, number|null]|null} spacing millimetres along x, y, z
 * @property {[string, string, string]|null} labels the patient's sides that x, y, z grow towards, the nearest first
 * @property {[Triple, Triple, Triple]|null} [directions] unit vectors (left, back, head) along x, y, z
 * @property {PlaneName} acquired
 * @property {boolean} reversed slice 0 of the analysis is the last one here
 * @property {PlaneName[]} planes the acquired one first
 * @property {string} planes_note why there is one plane only
 * @property {string} [oblique_note] how far the slices are tilted
 * @property {"uint8"|"int16"} dtype
 * @property {number} components
 * @property {number} slope
 * @property {number} intercept
 * @property {Record<string, Pair>} windows
 * @property {string} voxels
 * @property {string|null} mask
 * @property {string|null} heat
 * @property {Diameters[]} [diameters] of lesions; absent where the run is older than their drawing, and the mask is 0 or 1
 */
/** @typedef {{lesion: number, ends: [Triple, Triple, Triple, Triple], mm: Pair|null, px: Pair}} Diameters */

/**
 * @typedef {object} Volume
 * @property {Geometry} geometry
 * @property {Voxels} data
 * @property {Uint8Array|null} mask 0 outside, else the number of the lesion
 * @property {Uint8Array|null} heat
 */

/** What the server said instead of an answer. `message` is a sentence. */
export class Unreadable extends Error {}

/** There are no voxels because the run is older than they are. */
export class Older extends Unreadable {}

/**
 * @param {string} address
 * @returns {Promise<Geometry>}
 */
export async function geometryOf(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok || answer.redirected) {
    if (answer.status === 404) {
      throw new Older("This scan was analysed before the viewer could show voxels. Analyse it again to use its tools.");
    }
    throw new Unreadable("The voxels could not be loaded. Load the page again.");
  }
  return answer.json();
}

/**
 * All voxels; `told` hears the share that has arrived, 0 to 1.
 * @param {Geometry} geometry
 * @param {(share: number) => void} told
 * @returns {Promise<Voxels>}
 */
export async function voxelsOf(geometry, told) {
  const [x, y, z] = geometry.dims;
  const wide = geometry.dtype === "int16" ? 2 : 1;
  const bytes = await bytesOf(geometry.voxels, x * y * z * geometry.components * wide, told);
  if (wide === 1) return bytes;
  if (!littleEndian()) swap(bytes);
  return new Int16Array(bytes.buffer);
}

/**
 * @param {string|null} address
 * @param {Geometry} geometry
 * @returns {Promise<Uint8Array|null>}
 */
export async function overlayOf(address, geometry) {
  if (!address) return null;
  const [x, y, z] = geometry.dims;
  return bytesOf(address, x * y * z, () => {});
}

/**
 * @param {string} address
 * @param {number} length bytes once unpacked
 * @param {(share: number) => void} told
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function bytesOf(address, length, told) {
  const answer = await fetch(address);
  if (!answer.ok || answer.redirected || !answer.body) {
    throw new Unreadable("The voxels could not be loaded. Load the page again.");
  }
  const whole = new Uint8Array(length);
  let filled = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (filled + value.length > length) throw new Unreadable("The voxels are not those of this scan.");
    whole.set(value, filled);
    filled += value.length;
    told(filled / length);
  }
  // What is missing must not be read as black.
  if (filled !== length) throw new Unreadable("The voxels did not arrive whole. Load the page again.");
  return whole;
}

function littleEndian() {
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
}

/** @param {Uint8Array} bytes */
function swap(bytes) {
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const low = bytes[at] ?? 0;
    bytes[at] = bytes[at + 1] ?? 0;
    bytes[at + 1] = low;
  }
}
