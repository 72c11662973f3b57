// <plane-view>: one plane on the screen, a canvas with an SVG above it. It knows where it looks (centre and zoom)
// and turns places on the screen into places on the slice; what is shown comes with each `draw`.

import { diameters, numberPlaces, numbers } from "./lesions.js";
import { outline } from "./outline.js";
import { Painter } from "./painter.js";
import { clamp } from "./plane.js";
import { svg } from "./svg.js";

/** @typedef {import("./plane.js").Plane} Plane */
/** @typedef {import("./painter.js").GreyTable} GreyTable */
/** @typedef {import("./volume.js").Triple} Triple */
/** @typedef {import("./volume.js").Volume} Volume */

/**
 * What all planes of a viewer share.
 * @typedef {object} Scene
 * @property {Triple} position the voxel that every plane cuts through
 * @property {boolean} shown all marks of the AI: mask, outline, numbers, diameters
 * @property {boolean} sizes whether the diameters are among them
 * @property {Set<number>} small lesions that the page folds away: their diameters are drawn once they are selected
 * @property {number} selected the number of a lesion, or 0
 * @property {number} opacity of the mask, 0 to 1
 * @property {boolean} heatShown
 * @property {number} heatOpacity
 * @property {boolean} crosshair
 * @property {boolean} titled whether each plane says what it is
 * @property {(pane: PlaneView, index: number) => SVGElement[]} drawings
 */

const LARGEST_ZOOM = 20;
const KEPT_OUTLINES = 64;
const EDGE = 14;
/** How much further from the edge for each letter more. */
const LETTER = 6;

export class PlaneView extends HTMLElement {
  /** @type {Plane|null} */
  plane = null;
  /** @type {Painter|null} */
  painter = null;
  /** @type {Map<number, {path: string, places: Map<number, {x: number, y: number}>}>} outline and numbers of slices */
  outlines = new Map();
  zoom = 1;
  /** The place on the slice that is in the middle of the screen. */
  centre = { x: 0, y: 0 };
  box = { width: 0, height: 0 };
  canvas = document.createElement("canvas");
  svg = /** @type {SVGSVGElement} */ (svg("svg", { class: "over", "aria-hidden": "true", focusable: "false" }));
  marks = svg("g", { "data-marks": "" });
  lesions = svg("g", { "data-lesions": "" });
  drawn = svg("g", { "data-drawings": "" });
  words = svg("g", { class: "words" });

  connectedCallback() {
    if (this.canvas.parentElement) return;
    this.canvas.className = "pixels";
    // Numbers lie above the crosshair, so that no line strikes them through.
    this.svg.append(this.marks, this.words, this.lesions, this.drawn);
    this.append(this.canvas, this.svg);
  }

  /**
   * @param {Volume} volume
   * @param {Plane} plane
   * @param {GreyTable} table
   */
  show(volume, plane, table) {
    this.plane = plane;
    this.painter = new Painter(volume, plane, table);
    this.outlines.clear();
    this.dataset.plane = plane.name;
    this.fit();
  }

  /** The voxels have changed under the painter: mask or heat map came later. */
  refresh() {
    this.painter?.forget();
    this.outlines.clear();
  }

  fit() {
    const { width, height } = this.plane ?? { width: 1, height: 1 };
    this.zoom = 1;
    this.centre = { x: width / 2, y: height / 2 };
  }

  /** Screen pixels for one voxel across and down. */
  get scale() {
    const { width, height, shape } = this.plane ?? { width: 1, height: 1, shape: [1, 1] };
    const [wide = 1, tall = 1] = shape;
    const unit = Math.min(this.box.width / (width * wide), this.box.height / (height * tall)) * this.zoom;
    return { x: wide * unit, y: tall * unit, unit };
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  toScreen(x, y) {
    const { scale, centre, box } = this;
    return { x: (x - centre.x) * scale.x + box.width / 2, y: (y - centre.y) * scale.y + box.height / 2 };
  }

  /**
   * From the page's coordinates to the slice's, which may lie outside the slice.
   * @param {{clientX: number, clientY: number}} event
   */
  toSlice(event) {
    const rect = this.getBoundingClientRect();
    const { scale, centre } = this;
    return {
      x: (event.clientX - rect.left - rect.width / 2) / scale.x + centre.x,
      y: (event.clientY - rect.top - rect.height / 2) / scale.y + centre.y,
    };
  }

  /**
   * @param {number} factor
   * @param {{x: number, y: number}} [about] a place on the slice that stays where it is on the screen
   */
  zoomBy(factor, about = this.centre) {
    const before = this.zoom;
    this.zoom = clamp(this.zoom * factor, 1, LARGEST_ZOOM);
    if (this.zoom < 1.02) this.zoom = 1;
    const grown = this.zoom / before;
    this.centre = {
      x: about.x + (this.centre.x - about.x) / grown,
      y: about.y + (this.centre.y - about.y) / grown,
    };
    this.pan(0, 0);
  }

  /**
   * Moves the middle of the screen over the slice, in voxels; never off the picture.
   * @param {number} across
   * @param {number} down
   */
  pan(across, down) {
    const { width, height } = this.plane ?? { width: 1, height: 1 };
    const half = 0.5 * (1 - 1 / this.zoom);
    this.centre = {
      x: clamp(this.centre.x + across, width * (0.5 - half), width * (0.5 + half)),
      y: clamp(this.centre.y + down, height * (0.5 - half), height * (0.5 + half)),
    };
  }

  /** Reads how large it is on the screen; whoever draws several planes measures all of them first. */
  measure() {
    const { width, height } = this.getBoundingClientRect();
    this.box = { width, height };
  }

  /** @param {Scene} scene */
  draw(scene) {
    const { plane, painter, canvas, box } = this;
    if (!plane || !painter || !box.width || !box.height) return;
    const dense = window.devicePixelRatio || 1;
    const wide = Math.round(box.width * dense);
    const tall = Math.round(box.height * dense);
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== tall) canvas.height = tall;
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) return;
    const { index } = plane.at(scene.position);
    this.dataset.slice = String(index + 1);
    painter.paintImage(index);
    const { scale } = this;
    const origin = this.toScreen(0, 0);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, wide, tall);
    context.setTransform(scale.x * dense, 0, 0, scale.y * dense, origin.x * dense, origin.y * dense);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "medium";
    context.drawImage(painter.image, 0, 0);
    this.drawOverlays(context, painter, scene, index);
    context.globalAlpha = 1;
    this.svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    this.marks.setAttribute("transform", `matrix(${scale.x} 0 0 ${scale.y} ${origin.x} ${origin.y})`);
    this.drawn.replaceChildren(...scene.drawings(this, index));
    this.write(scene, index);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Painter} painter
   * @param {Scene} scene
   * @param {number} index
   */
  drawOverlays(context, painter, scene, index) {
    if (scene.heatShown && scene.heatOpacity) {
      painter.paintHeat(index);
      context.globalAlpha = scene.heatOpacity;
      context.drawImage(painter.heat, 0, 0);
    }
    const flat = scene.shown ? painter.paintMask(index) : null;
    const found = flat && this.outlineOf(flat, index);
    const sizes = scene.shown && scene.sizes ? diameters(this, painter.volume, index, scene) : [];
    this.lesions.replaceChildren(...sizes, ...(found ? numbers(this, found.places, scene.selected) : []));
    if (!found) return this.marks.replaceChildren();
    if (scene.opacity) {
      context.imageSmoothingEnabled = false;
      context.globalAlpha = scene.opacity;
      context.drawImage(painter.mask, 0, 0);
    }
    const { path } = found;
    if (this.marks.getAttribute("data-path") === path && this.marks.childElementCount) return;
    this.marks.setAttribute("data-path", path);
    this.marks.replaceChildren(...(path ? ["mk-h", "mk"].map((kind) => svg("path", { class: kind, d: path })) : []));
  }

  /**
   * @param {Uint8Array} flat
   * @param {number} index
   */
  outlineOf(flat, index) {
    const kept = this.outlines.get(index);
    if (kept) return kept;
    const { width, height } = /** @type {Plane} */ (this.plane);
    const numbered = Boolean(this.painter?.volume.geometry.diameters);
    const found = { path: outline(flat, width, height), places: numbered ? numberPlaces(flat, width) : new Map() };
    if (this.outlines.size >= KEPT_OUTLINES) this.outlines.clear();
    this.outlines.set(index, found);
    return found;
  }

  /**
   * Letters, scale, crosshair and title, in screen pixels.
   * @param {Scene} scene
   * @param {number} index
   */
  write(scene, index) {
    const { plane, box } = this;
    if (!plane) return;
    /** @type {SVGElement[]} */
    const words = [];
    if (scene.crosshair) words.push(...this.cross(plane, scene.position));
    const start = this.toScreen(0, 0);
    const end = this.toScreen(plane.width, plane.height);
    if (plane.letters) {
      const { letters } = plane;
      const away = EDGE + LETTER * (letters.left.length - 1);
      const left = clamp(start.x - away, away, box.width);
      const right = clamp(end.x + away, 0, box.width - away);
      const middle = box.height / 2;
      for (const [edge, x, y] of /** @type {const} */ ([
        ["left", left, middle],
        ["right", right, middle],
        ["top", box.width / 2, clamp(start.y - EDGE, EDGE + 2, box.height)],
        ["bottom", box.width / 2, clamp(end.y + EDGE, 0, box.height - EDGE - 2)],
      ])) {
        words.push(svg("text", { class: `edge ${edge}`, "data-edge": edge, x, y }, letters[edge]));
      }
    }
    if (scene.titled) {
      words.push(svg("text", { class: "title", x: 10, y: 20 }, `${plane.title} ${index + 1} of ${plane.count}`));
    }
    words.push(...this.scaleBar(plane));
    this.words.replaceChildren(...words);
  }

  /**
   * @param {Plane} plane
   * @param {Triple} position
   */
  cross(plane, position) {
    const at = plane.at(position);
    const { x, y } = this.toScreen(at.x, at.y);
    const gap = 9;
    const d = `M0 ${y}H${x - gap}M${x + gap} ${y}H${this.box.width}M${x} 0V${y - gap}M${x} ${y + gap}V${this.box.height}`;
    return [svg("path", { class: "cross-h", d }), svg("path", { class: "cross", d, "data-cross": `${at.x},${at.y}` })];
  }

  /** @param {Plane} plane */
  scaleBar(plane) {
    if (!plane.mm) return [];
    const { unit } = this.scale;
    const long = [100, 50, 20, 10, 5, 2, 1].find((each) => each * unit < this.box.width / 5) ?? 1;
    const wide = long * unit;
    const x = this.box.width - 16;
    const y = this.box.height - 14;
    const d = `M${x - wide} ${y - 6}V${y}H${x}V${y - 6}`;
    return [
      svg("path", { class: "bar-h", d }),
      svg("path", { class: "bar", d }),
      svg("text", { class: "bar-t", x, y: y - 11 }, long >= 10 ? `${long / 10} cm` : `${long} mm`),
    ];
  }
}

customElements.define("plane-view", PlaneView);
