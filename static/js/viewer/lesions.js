// What the AI says of its lesions on the picture: their numbers, and RANO's two perpendicular diameters on their slice.
// Orange, as all that the machine says. Small ones, as the page's list has them, are questions: numbers only, until one
// of them is selected, in the list or on the picture.

import { svg } from "./svg.js";

/** @typedef {import("./plane.js").Plane} Plane */
/** @typedef {import("./plane-view.js").PlaneView} PlaneView */
/** @typedef {import("./plane-view.js").Scene} Scene */
/** @typedef {import("./volume.js").Diameters} Diameters */
/** @typedef {import("./volume.js").Volume} Volume */
/** @typedef {{x: number, y: number}} Place */

const MOST_NUMBERS = 24;
const LAST = 255;
const TICK = 5;

/** @param {string} [listed] numbers of lesions as the page writes them, with commas */
export function smallOnes(listed = "") {
  return new Set(listed.split(",").filter(Boolean).map(Number));
}

/**
 * The lesion under a place on a slice, or 0.
 * @param {Plane} plane
 * @param {Volume} volume
 * @param {number} index
 * @param {Place} place
 */
export function lesionAt(plane, { mask, geometry }, index, { x, y }) {
  if (!mask || !geometry.diameters || x < 0 || y < 0 || x >= plane.width || y >= plane.height) return 0;
  const [across, down, through] = plane.voxel(index, x, y);
  const [wide, tall] = geometry.dims;
  const lesion = mask[(through * tall + down) * wide + across] ?? 0;
  return lesion === LAST ? 0 : lesion;
}

/** @param {number} lesion that is selected: its row of the page's list says so */
export function markRow(lesion) {
  for (const link of document.querySelectorAll("table.lesions a[data-picks]")) {
    if (link.getAttribute("data-picks") === String(lesion)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/**
 * Where each lesion's number stands on a slice: at its upper left, because the diameters' words stand to the right.
 * @param {Uint8Array} slice numbers of lesions, width x height
 * @param {number} width
 * @returns {Map<number, Place>} on the slice
 */
export function numberPlaces(slice, width) {
  /** @type {Map<number, Place>} */
  const places = new Map();
  for (let at = 0; at < slice.length; at += 1) {
    const lesion = slice[at] ?? 0;
    // The last number may stand for several.
    if (!lesion || lesion === LAST) continue;
    const x = at % width;
    const y = Math.floor(at / width);
    const best = places.get(lesion);
    if (best ? x + y < best.x + best.y : places.size < MOST_NUMBERS) places.set(lesion, { x, y });
  }
  return places;
}

/**
 * @param {PlaneView} pane
 * @param {Map<number, Place>} places
 * @param {number} selected
 * @returns {SVGElement[]}
 */
export function numbers(pane, places, selected) {
  return [...places].map(([lesion, place]) => {
    const { x, y } = pane.toScreen(place.x, place.y);
    const name = lesion === selected ? "lesion on" : "lesion";
    return svg("text", { class: name, "data-lesion": lesion, ...inside(pane, x - 4, y - 2, 2) }, String(lesion));
  });
}

/**
 * The diameters that lie on a slice of the acquired plane; of small lesions only the selected one's.
 * @param {PlaneView} pane
 * @param {Volume} volume
 * @param {number} index
 * @param {Pick<Scene, "small"|"selected">} scene
 * @returns {SVGElement[]}
 */
export function diameters(pane, volume, index, { small, selected }) {
  const plane = /** @type {Plane} */ (pane.plane);
  const { acquired, diameters: known = [] } = volume.geometry;
  if (plane.name !== acquired) return [];
  const listed = known.filter(({ lesion }) => lesion === selected || !small.has(lesion));
  return listed.filter(({ ends }) => plane.at(ends[0]).index === index).map((each) => drawn(pane, plane, each));
}

/**
 * @param {PlaneView} pane
 * @param {Plane} plane
 * @param {Diameters} known
 */
function drawn(pane, plane, { lesion, ends, mm, px }) {
  const group = svg("g", { class: "diameters", "data-diameters": lesion });
  const [a, b, c, d] = /** @type {[Place, Place, Place, Place]} */ (
    ends.map((end) => {
      const { x, y } = plane.at(end);
      return pane.toScreen(x, y);
    })
  );
  for (const [at, from, to] of /** @type {const} */ ([
    [0, a, b],
    [1, c, d],
  ])) {
    const path = line(from, to);
    // At the end that lies further right, beyond the outline.
    const end = from.x > to.x ? from : to;
    const text = mm ? `${told(mm[at])} mm` : `${px[at].toFixed(0)} px`;
    group.append(svg("path", { class: "dia-h", d: path }), svg("path", { class: "dia", d: path }));
    group.append(svg("text", { class: "dia-t", ...inside(pane, end.x + 8, end.y + 4, 64) }, text));
  }
  return group;
}

/**
 * A line with a tick across each end.
 * @param {Place} from
 * @param {Place} to
 */
function line(from, to) {
  const long = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const across = { x: (-(to.y - from.y) / long) * TICK, y: ((to.x - from.x) / long) * TICK };
  const tick = (/** @type {Place} */ at) =>
    `M${at.x - across.x} ${at.y - across.y}L${at.x + across.x} ${at.y + across.y}`;
  return `M${from.x} ${from.y}L${to.x} ${to.y}${tick(from)}${tick(to)}`;
}

/**
 * A place for words that does not leave the plane.
 * @param {PlaneView} pane
 * @param {number} x
 * @param {number} y
 * @param {number} wide
 */
function inside(pane, x, y, wide) {
  return { x: Math.min(Math.max(x, 2), pane.box.width - wide), y: Math.min(Math.max(y, 14), pane.box.height - 6) };
}

/**
 * A measured length as the list of lesions and the rulers say it (detection/words.py).
 * @param {number} value
 */
function told(value) {
  return value.toFixed(value < 99.95 ? 1 : 0);
}
