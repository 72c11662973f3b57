// What mouse and fingers do on a plane. The tool in hand decides what a press means; two fingers always zoom, the
// wheel always scrolls, the right button always windows, the middle one always moves the picture.

import { lesionAt } from "./lesions.js";
import { pointUnder } from "./tools/marks.js";

/** @typedef {import("./plane-view.js").PlaneView} PlaneView */
/** @typedef {import("../scan-viewer.js").ScanViewer} ScanViewer */
/** @typedef {"none"|"draw"|"adjust"|"window"|"pan"|"swipe"|"cross"} Act */

const WHEEL_STEP = 40;
const SWIPE = 26;
const TAP = 6;
const ZOOM_STEP = 1.25;

export class Gestures {
  /** @type {Map<number, PointerEvent>} */
  down = new Map();
  /** @type {Act} */
  act = "none";
  start = { x: 0, y: 0 };
  moved = 0;
  carried = 0;
  wheeled = 0;
  lastWheel = 0;

  /**
   * @param {PlaneView} pane
   * @param {ScanViewer} viewer
   */
  constructor(pane, viewer) {
    this.pane = pane;
    this.viewer = viewer;
    pane.addEventListener("pointerdown", (event) => this.press(event));
    pane.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of /** @type {const} */ (["pointerup", "pointercancel"])) {
      pane.addEventListener(kind, (event) => this.lift(event));
    }
    pane.addEventListener("pointerleave", () => {
      if (viewer.measuring.drafts.hover && !viewer.measuring.drafts.draft && !this.down.size)
        viewer.measuring.drafts.hover = null;
    });
    pane.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    pane.addEventListener("contextmenu", (event) => event.preventDefault());
    pane.addEventListener("dblclick", (event) => this.double(event));
  }

  /** @param {PointerEvent} event */
  press(event) {
    const { viewer, pane } = this;
    viewer.activate(pane);
    this.down.set(event.pointerId, event);
    if (this.down.size === 2) {
      // A second finger: whatever the first had begun is not meant.
      if (this.act === "draw") viewer.measuring.drafts.back();
      viewer.measuring.drafts.press = null;
      this.act = "none";
      this.moved = Number.POSITIVE_INFINITY;
      return;
    }
    this.moved = this.carried = 0;
    this.start = { x: event.clientX, y: event.clientY };
    this.act = this.choose(event);
    if (this.act === "draw" || this.act === "adjust") viewer.measuring.drafts.down(pane, viewer.indexOf(pane), event);
    // A finger that may be scrolling the page is left to the browser.
    if (this.act !== "swipe") pane.setPointerCapture(event.pointerId);
    if (this.act === "cross") viewer.cutThrough(pane, event);
  }

  /**
   * @param {PointerEvent} event
   * @returns {Act}
   */
  choose(event) {
    const { viewer, pane } = this;
    if (event.button === 1) return "pan";
    if (event.button === 2) return "window";
    const { draft, kind } = viewer.measuring.drafts;
    if (!draft || draft.replaced) {
      const found = pointUnder(pane, viewer.indexOf(pane), viewer.measuring.store.list, event);
      if (found && (!kind || draft?.replaced === found.row)) {
        if (draft?.replaced === found.row) draft.active = found.at;
        else viewer.measuring.adjust(found.row, found.at);
        return "adjust";
      }
    }
    if (draft?.replaced) return "none";
    if (kind) return "draw";
    if (viewer.measuring.tool === "window") return "window";
    if (pane.zoom !== 1) return "pan";
    if (event.pointerType === "touch" && viewer.layout === "one") return "swipe";
    return viewer.layout === "three" ? "cross" : "none";
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { viewer, pane } = this;
    const before = this.down.get(event.pointerId);
    if (!before) {
      if (viewer.measuring.drafts.kind && event.pointerType === "mouse") viewer.measuring.drafts.move(pane, event);
      return;
    }
    this.down.set(event.pointerId, event);
    if (this.down.size === 2) return this.pinch(before, event);
    const across = event.clientX - before.clientX;
    const along = event.clientY - before.clientY;
    this.moved = Math.max(this.moved, Math.hypot(event.clientX - this.start.x, event.clientY - this.start.y));
    if (this.act === "draw" || this.act === "adjust") viewer.measuring.drafts.move(pane, event);
    else if (this.act === "window") viewer.dragWindow(across, along);
    else if (this.act === "pan") this.shift(across, along);
    else if (this.act === "cross") viewer.cutThrough(pane, event);
    else if (this.act === "swipe") {
      this.carried += across;
      const steps = Math.trunc(this.carried / SWIPE);
      this.carried -= steps * SWIPE;
      if (steps) viewer.step(-steps);
    }
  }

  /** @param {PointerEvent} event */
  lift(event) {
    if (!this.down.delete(event.pointerId)) return;
    const { viewer } = this;
    if (event.type === "pointerup" && (this.act === "draw" || this.act === "adjust")) viewer.measuring.drafts.up();
    else if (event.type === "pointerup" && event.button === 0 && this.moved <= TAP) this.pick(event);
    this.act = "none";
    if (event.pointerType === "touch" && !viewer.measuring.drafts.draft) viewer.measuring.drafts.hover = null;
    viewer.redraw();
  }

  /**
   * A press that drew nothing and moved nothing selects the lesion under it, or none.
   * @param {PointerEvent} event
   */
  pick(event) {
    const { viewer, pane } = this;
    const { drafts } = viewer.measuring;
    if (!viewer.volume || !pane.plane || this.act === "window" || drafts.kind || drafts.draft) return;
    const shown = viewer.scene.shown;
    viewer.select(shown ? lesionAt(pane.plane, viewer.volume, viewer.indexOf(pane), pane.toSlice(event)) : 0);
  }

  /**
   * Two fingers: their distance zooms, their middle moves the picture.
   * @param {PointerEvent} before
   * @param {PointerEvent} event
   */
  pinch(before, event) {
    const other = [...this.down.values()].find((each) => each.pointerId !== event.pointerId);
    if (!other) return;
    const spread = (/** @type {PointerEvent} */ one) =>
      Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
    const grown = spread(event) / Math.max(spread(before), 1);
    this.pane.zoomBy(grown, this.pane.toSlice(middle));
    this.shift((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  }

  /**
   * @param {number} across screen pixels
   * @param {number} along
   */
  shift(across, along) {
    const { scale } = this.pane;
    this.pane.pan(-across / scale.x, -along / scale.y);
    this.viewer.redraw();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const { viewer, pane } = this;
    viewer.activate(pane);
    if (event.ctrlKey) {
      event.preventDefault();
      pane.zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, pane.toSlice(event));
      return viewer.redraw();
    }
    const { index, count } = viewer.where();
    const towards = Math.sign(event.deltaY);
    // At either end the page scrolls on, so that nobody is caught here; but not in the swing of the same turn.
    const swinging = event.timeStamp - this.lastWheel < 250;
    if (count < 2 || ((towards < 0 ? index === 0 : index === count - 1) && !swinging)) return;
    event.preventDefault();
    this.lastWheel = event.timeStamp;
    // A wheel's notch is one slice, a touch pad's many small moves add up to one.
    const notch = event.deltaMode !== 0 || Math.abs(event.deltaY) >= WHEEL_STEP;
    this.wheeled = notch ? 0 : this.wheeled + event.deltaY;
    if (notch) return viewer.step(towards);
    const steps = Math.trunc(this.wheeled / WHEEL_STEP);
    this.wheeled -= steps * WHEEL_STEP;
    if (steps) viewer.step(steps);
  }

  /**
   * Twice on one place: closer there. So every place can be reached without dragging.
   * @param {MouseEvent} event
   */
  double(event) {
    const { viewer, pane } = this;
    if (viewer.measuring.drafts.kind === "area") return viewer.measuring.drafts.finish();
    if (viewer.measuring.drafts.kind || this.moved > TAP) return;
    const place = pane.toSlice(event);
    pane.zoomBy(2, place);
    pane.pan(place.x - pane.centre.x, place.y - pane.centre.y);
    viewer.redraw();
  }
}
