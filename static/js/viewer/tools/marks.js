// How measurements look on a slice: green, because a person made them, on a dark halo that shows on white pixels too.

import { svg } from "../svg.js";
import { FEWEST, nameOf, valueText } from "./values.js";

/** @typedef {import("../plane-view.js").PlaneView} PlaneView */
/** @typedef {import("./drafts.js").Drafts} Drafts */
/** @typedef {import("./store.js").Measurement} Measurement */
/** @typedef {import("./values.js").Kind} Kind */
/** @typedef {import("./values.js").Point} Point */

/**
 * @param {PlaneView} pane
 * @param {number} index
 * @param {Measurement[]} rows
 * @param {Drafts} drafts
 * @returns {SVGElement[]}
 */
export function drawings(pane, index, rows, drafts) {
  const plane = pane.plane;
  if (!plane) return [];
  const { draft, hover } = drafts;
  /** @type {SVGElement[]} */
  const made = [];
  for (const [at, row] of rows.entries()) {
    if (row.plane !== plane.name || row.slice !== index || [draft?.replaced, draft?.replaced?.kept].includes(row))
      continue;
    const kind = row.fault ? "unkept" : row.mine ? "mine" : "theirs";
    made.push(shape(pane, row.kind, row.points, `${nameOf(at)}  ${row.text}`, kind, row.mine ? null : -1));
  }
  if (draft && draft.plane === plane.name && draft.slice === index) {
    const open = !draft.replaced;
    const live = open && hover && !drafts.press ? [...draft.points, hover] : draft.points;
    const points = open && draft.kind !== "area" ? live.slice(0, FEWEST[draft.kind]) : live;
    const text = valueText(draft.kind, points, plane.mm);
    made.push(shape(pane, draft.kind, points, text, open ? "draft" : "draft adjust", open ? null : draft.active));
  }
  if (drafts.kind && hover && !draft?.replaced && pane.matches(".is-active")) {
    const { x, y } = pane.toScreen(...hover);
    const d = `M${x - 12} ${y}H${x - 3}M${x + 3} ${y}H${x + 12}M${x} ${y - 12}V${y - 3}M${x} ${y + 3}V${y + 12}`;
    made.push(svg("path", { class: "aim-h", d }), svg("path", { class: "aim", d }));
  }
  return made;
}

/**
 * The own measurement's point under a pointer, if there is one.
 * @param {PlaneView} pane
 * @param {number} index
 * @param {Measurement[]} rows
 * @param {PointerEvent} event
 */
export function pointUnder(pane, index, rows, event) {
  const reach = event.pointerType === "mouse" ? 9 : 22;
  const rect = pane.getBoundingClientRect();
  for (const row of rows) {
    if (!row.mine || row.plane !== pane.plane?.name || row.slice !== index) continue;
    if (row.kind === "area" && row.points.length > 24) continue;
    for (const [at, point] of row.points.entries()) {
      const { x, y } = pane.toScreen(...point);
      if (Math.hypot(event.clientX - rect.left - x, event.clientY - rect.top - y) <= reach) return { row, at };
    }
  }
  return null;
}

/**
 * @param {PlaneView} pane
 * @param {Kind} kind
 * @param {Point[]} points
 * @param {string} text
 * @param {string} classes
 * @param {number|null} active the point that keys move; -1 for no handles at all
 */
function shape(pane, kind, points, text, classes, active) {
  const placed = points.map((point) => pane.toScreen(...point));
  const first = placed[0] ?? { x: 0, y: 0 };
  const [line, last = first] = [pathOf(placed), placed.at(-1)];
  const closes = kind === "area" && placed.length > 2;
  // An area that is still drawn is not closed yet, and neither looks so.
  const open = closes && classes === "draft";
  const d = closes && !open ? `${line}Z` : line;
  const group = svg("g", { class: `measure ${classes}` });
  group.append(svg("path", { class: "rul-h", d }), svg("path", { class: "rul", d }));
  if (open) group.append(svg("path", { class: "rul closing", d: pathOf([last, first]) }));
  const handles = kind === "area" && placed.length > 24 ? placed.slice(0, 1) : placed;
  if (active !== -1) {
    for (const [at, { x, y }] of handles.entries()) {
      group.append(
        svg("circle", { class: at === active ? "hnd on" : "hnd", cx: x, cy: y, r: at === active ? 6 : 3.5 }),
      );
    }
  }
  if (text) {
    const at = kind === "ruler" ? (placed[1] ?? first) : kind === "angle" ? (placed[1] ?? first) : rightmost(placed);
    const end = at.x > pane.box.width - 110;
    const x = at.x + (end ? -10 : 10);
    const y = Math.min(Math.max(at.y + 16, 16), pane.box.height - 8);
    group.append(svg("text", { class: end ? "rt end" : "rt", x, y }, text));
  }
  return group;
}

/** @param {{x: number, y: number}[]} points */
function pathOf(points) {
  return `M${points.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
}

/** @param {{x: number, y: number}[]} points */
function rightmost(points) {
  return points.reduce((best, each) => (each.x > best.x ? each : best), points[0] ?? { x: 0, y: 0 });
}
