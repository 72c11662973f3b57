// What is being drawn or adjusted, by mouse, finger or keys. One press is one point; a press that is dragged draws a
// line, an arm, or a freehand outline. Nothing here knows how it looks or where it is kept.

import { clamp } from "../plane.js";
import { crossesItself, FEWEST, simplified } from "./values.js";

/** @typedef {import("../plane-view.js").PlaneView} PlaneView */
/** @typedef {import("./store.js").Drawing} Drawing */
/** @typedef {import("./store.js").Measurement} Measurement */
/** @typedef {import("./values.js").Kind} Kind */
/** @typedef {import("./values.js").Point} Point */
/** @typedef {Drawing & {replaced?: Measurement, active: number}} Draft `active`: the point that keys move */
/**
 * @typedef {object} Host
 * @property {() => void} redraw
 * @property {(draft: Draft) => void} finish
 * @property {(sentence: string) => void} say
 */

const DRAGGED = 6;
const MOST_POINTS = 250;
const CLOSE = 12;

/** @type {Record<Kind, [string, string]>} what to do with a pointer, and with keys */
const HINTS = {
  ruler: ["Press at one end, then at the other; or drag.", "Keys: arrows move, Enter sets a point."],
  area: ["Draw round it, or press corner by corner and close it.", "Keys: arrows move, Enter sets a corner, C closes."],
  angle: ["Press three times: one end, the corner, the other end.", "Keys: arrows move, Enter sets a point."],
};
/** @type {[string, string]} */
const ADJUSTING = ["Drag a point.", "Keys: arrows move it, N takes the next, Enter keeps, Escape leaves."];

export class Drafts {
  /** @type {Kind|null} */
  kind = null;
  /** @type {Draft|null} */
  draft = null;
  /** @type {Point|null} where the next point would be */
  hover = null;
  /** @type {{x: number, y: number, far: boolean, had: number}|null} */
  press = null;

  /** @param {Host} host */
  constructor(host) {
    this.host = host;
  }

  /** What to do now: with a pointer, and with keys. */
  get hint() {
    if (this.draft?.replaced) return ADJUSTING;
    return this.kind ? HINTS[this.kind] : /** @type {[string, string]} */ (["", ""]);
  }

  /** @param {Kind|null} kind */
  choose(kind) {
    this.kind = kind;
    this.cancel();
  }

  cancel() {
    this.draft = null;
    this.hover = null;
    this.press = null;
    this.host.redraw();
  }

  /**
   * @param {Measurement} row
   * @param {number} [active]
   */
  adjust(row, active = 0) {
    const points = row.points.map(([x, y]) => /** @type {Point} */ ([x, y]));
    this.draft = { kind: row.kind, plane: row.plane, slice: row.slice, points, replaced: row, active };
    this.hover = null;
    this.host.redraw();
  }

  /**
   * @param {PlaneView} pane
   * @param {number} slice
   * @param {PointerEvent} event
   */
  down(pane, slice, event) {
    const point = this.inside(pane, pane.toSlice(event));
    this.press = { x: event.clientX, y: event.clientY, far: false, had: this.draft?.points.length ?? 0 };
    if (this.draft?.replaced) return;
    this.add(pane, slice, point);
  }

  /**
   * @param {PlaneView} pane
   * @param {PointerEvent} event
   */
  move(pane, event) {
    const point = this.inside(pane, pane.toSlice(event));
    const { press, draft } = this;
    if (!press) {
      if (this.kind) this.hover = point;
      return this.host.redraw();
    }
    press.far ||= Math.hypot(event.clientX - press.x, event.clientY - press.y) > DRAGGED;
    if (!press.far || !draft) return;
    if (draft.replaced) draft.points[draft.active] = point;
    else if (draft.kind === "area") this.trace(pane, draft, point);
    else if (press.had) draft.points[draft.points.length - 1] = point;
    else draft.points = [/** @type {Point} */ (draft.points[0]), point];
    this.hover = point;
    this.host.redraw();
  }

  up() {
    const { press, draft } = this;
    this.press = null;
    if (!press || !draft) return;
    if (draft.replaced) {
      if (press.far) this.finish();
      return;
    }
    if (draft.kind === "area") {
      if (press.far && !press.had) this.finish();
      return;
    }
    if (draft.points.length >= FEWEST[draft.kind]) this.finish();
  }

  /**
   * Sets the point that keys have moved to.
   * @param {PlaneView} pane
   * @param {number} slice
   */
  place(pane, slice) {
    if (this.draft?.replaced) return this.finish();
    const point = this.hover ?? this.start(pane);
    this.hover = point;
    this.add(pane, slice, point);
    const { draft } = this;
    if (draft && draft.kind !== "area" && draft.points.length >= FEWEST[draft.kind]) this.finish();
  }

  /**
   * @param {PlaneView} pane
   * @param {number} across voxels
   * @param {number} down
   */
  nudge(pane, across, down) {
    const { draft } = this;
    const from = draft?.replaced ? draft.points[draft.active] : (this.hover ?? this.start(pane));
    const to = this.inside(pane, { x: (from?.[0] ?? 0) + across, y: (from?.[1] ?? 0) + down });
    if (draft?.replaced) draft.points[draft.active] = to;
    else this.hover = to;
    this.host.redraw();
  }

  next() {
    if (!this.draft) return;
    this.draft.active = (this.draft.active + 1) % this.draft.points.length;
    this.host.redraw();
  }

  back() {
    if (!this.draft || this.draft.replaced) return;
    this.draft.points.pop();
    if (!this.draft.points.length) this.draft = null;
    this.host.redraw();
  }

  /** Ends the drawing and hands it over, if it is one. */
  finish() {
    const { draft } = this;
    if (!draft) return;
    if (draft.kind === "area") draft.points = this.tidy(draft.points);
    if (draft.points.length < FEWEST[draft.kind] || touching(draft)) {
      this.host.say("Two points lie on the same place. Nothing was measured.");
      return this.cancel();
    }
    if (draft.kind === "area" && crossesItself(draft.points)) {
      this.host.say("The outline crosses itself, so it has no area. Draw it again.");
      return this.cancel();
    }
    this.draft = null;
    this.press = null;
    this.host.finish(draft);
  }

  /**
   * @param {PlaneView} pane
   * @param {number} slice
   * @param {Point} point
   */
  add(pane, slice, point) {
    if (!this.kind || !pane.plane) return;
    const { draft } = this;
    if (draft && (draft.plane !== pane.plane.name || draft.slice !== slice)) this.draft = null;
    if (!this.draft) {
      this.draft = { kind: this.kind, plane: pane.plane.name, slice, points: [point], active: 0 };
      return this.host.redraw();
    }
    const first = /** @type {Point} */ (this.draft.points[0]);
    const near = pane.toScreen(...first);
    const here = pane.toScreen(...point);
    const closes = this.draft.points.length >= 3 && Math.hypot(near.x - here.x, near.y - here.y) < CLOSE;
    if (this.draft.kind === "area" && closes) return this.finish();
    this.draft.points.push(point);
    this.host.redraw();
  }

  /**
   * @param {PlaneView} pane
   * @param {Draft} draft
   * @param {Point} point
   */
  trace(pane, draft, point) {
    const last = draft.points.at(-1) ?? point;
    const [a, b] = [pane.toScreen(...last), pane.toScreen(...point)];
    if (Math.hypot(a.x - b.x, a.y - b.y) >= 2) draft.points.push(point);
  }

  /**
   * As many points as are kept, and none upon its neighbour.
   * @param {Point[]} points
   */
  tidy(points) {
    let tolerance = 0.1;
    let fewer = points;
    while (fewer.length > MOST_POINTS || (tolerance === 0.1 && points.length > 24)) {
      fewer = simplified(points, tolerance);
      tolerance *= 1.6;
      if (fewer.length <= MOST_POINTS) break;
    }
    const apart = fewer.filter((point, at) => at === 0 || distance(point, fewer[at - 1]) >= 0.06);
    while (apart.length > 3 && distance(apart[0], apart.at(-1)) < 0.06) apart.pop();
    return apart;
  }

  /** @param {PlaneView} pane */
  start(pane) {
    return this.inside(pane, { x: Math.floor(pane.centre.x) + 0.5, y: Math.floor(pane.centre.y) + 0.5 });
  }

  /**
   * @param {PlaneView} pane
   * @param {{x: number, y: number}} place
   * @returns {Point}
   */
  inside(pane, { x, y }) {
    const { width, height } = pane.plane ?? { width: 1, height: 1 };
    return [Math.round(clamp(x, 0, width) * 1000) / 1000, Math.round(clamp(y, 0, height) * 1000) / 1000];
  }
}

/**
 * @param {Point|undefined} one
 * @param {Point|undefined} other
 */
function distance(one, other) {
  return Math.hypot((one?.[0] ?? 0) - (other?.[0] ?? 0), (one?.[1] ?? 0) - (other?.[1] ?? 0));
}

/** @param {Draft} draft */
function touching({ kind, points }) {
  const last = kind === "area" ? points.length : points.length - 1;
  return points.slice(0, last).some((point, at) => distance(point, points[(at + 1) % points.length]) < 0.05);
}
