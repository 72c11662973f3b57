// <scan-viewer>: our own 2-D reading engine. It holds what all planes share (the voxel they cut through, window,
// marks, tool), hands it to each <plane-view> in one redraw an animation frame, and keeps the page in step.

import { listen } from "./viewer/controls.js";
import { Gestures } from "./viewer/gestures.js";
import { lettersAllowed } from "./viewer/keyboard.js";
import { markRow, smallOnes } from "./viewer/lesions.js";
import { Page } from "./viewer/page.js";
import { GreyTable, paintScale } from "./viewer/painter.js";
import { clamp, Plane } from "./viewer/plane.js";
import { PlaneView } from "./viewer/plane-view.js";
import { moreTools } from "./viewer/popups.js";
import { drawings } from "./viewer/tools/marks.js";
import { Measuring } from "./viewer/tools/measuring.js";
import { geometryOf, Older, overlayOf, Unreadable, voxelsOf } from "./viewer/volume.js";
import { windowOf } from "./viewer/window.js";
import { WindowMenu } from "./viewer/window-menu.js";

/** @typedef {import("./viewer/plane-view.js").Scene} Scene */
/** @typedef {import("./viewer/volume.js").Pair} Pair */
/** @typedef {import("./viewer/volume.js").PlaneName} PlaneName */
/** @typedef {import("./viewer/volume.js").Triple} Triple */
/** @typedef {import("./viewer/volume.js").Volume} Volume */

export class ScanViewer extends HTMLElement {
  /** @type {Volume|null} */
  volume = null;
  /** @type {GreyTable|null} */
  table = null;
  /** @type {WindowMenu|null} */
  menu = null;
  /** @type {Map<PlaneName, PlaneView>} the acquired plane first */
  panes = new Map();
  pane = new PlaneView();
  /** @type {"one"|"three"} */
  layout = "one";
  /** @type {Pair} */
  window = [0, 255];
  letters = lettersAllowed();
  waiting = 0;
  stage = this.find("[data-stage]");
  /** @type {Scene} */
  scene = {
    position: [0, 0, 0],
    shown: this.dataset.marks !== "off",
    sizes: true,
    small: smallOnes(this.dataset.small),
    selected: 0,
    opacity: 0.3,
    heatShown: false,
    heatOpacity: 0.5,
    crosshair: false,
    titled: false,
    drawings: (pane, index) => drawings(pane, index, this.measuring.store.list, this.measuring.drafts),
  };
  page = new Page(this);
  measuring = new Measuring(this);
  /** Whether the AI looked at the scan: of one that was refused it has nothing to show. */
  analysed = Boolean(this.querySelector("[data-act=mask]"));
  /** What the user set: the crosshair shows with three planes only. */
  cross = true;

  async connectedCallback() {
    try {
      const geometry = await geometryOf(`${this.dataset.base}volume.json?run=${this.dataset.run}`);
      const told = (/** @type {number} */ share) => this.page.say(`Loading voxels, ${Math.round(share * 100)}%`, false);
      const [data, mask] = await Promise.all([voxelsOf(geometry, told), overlayOf(geometry.mask, geometry)]);
      this.open({ geometry, data, mask, heat: null });
      await this.measuring.store.load();
      await this.loadHeat(/** @type {Volume} */ (this.volume));
    } catch (error) {
      // The picture of the slice stays, with its links: reading goes on without tools.
      this.page.say(
        error instanceof Unreadable ? error.message : "The voxels could not be loaded. Load the page again.",
      );
      if (error instanceof Older) this.querySelector("[data-again]")?.removeAttribute("hidden");
      if (!(error instanceof Unreadable)) throw error;
    }
  }

  /**
   * The heat map comes last: nobody waits for it, and its button appears with it.
   * @param {Volume} volume
   */
  async loadHeat(volume) {
    if (!volume.geometry.heat) return;
    try {
      volume.heat = await overlayOf(volume.geometry.heat, volume.geometry);
      this.find("[data-act=heat]").hidden = false;
    } catch {
      this.page.say("The heat map could not be loaded. Reading goes on without it.");
    }
  }

  /** @param {Volume} volume */
  open(volume) {
    const { geometry } = volume;
    this.volume = volume;
    this.table = new GreyTable(volume);
    const frame = this.find("[data-panes]");
    for (const name of geometry.planes) {
      const pane = new PlaneView();
      pane.show(volume, new Plane(geometry, name), this.table);
      this.panes.set(name, pane);
      frame.append(pane);
      new Gestures(pane, this);
    }
    this.pane = /** @type {PlaneView} */ (this.panes.get(geometry.acquired));
    const { width, height } = /** @type {Plane} */ (this.pane.plane);
    const index = Number(this.dataset.index);
    const middle = volume.mask && this.pane.plane?.middleOf(volume.mask, index);
    this.scene.position = this.voxel(index, middle?.x ?? width / 2, middle?.y ?? height / 2);
    this.menu = new WindowMenu(this.find("[data-window]"), geometry, (window) => this.setWindow(window));
    for (const part of this.querySelectorAll("[data-live]")) part.removeAttribute("hidden");
    if (geometry.planes.length < 2) this.find("[data-planes]").hidden = true;
    if (geometry.dims[2] < 2) this.find('[data-act="3d"]').hidden = true;
    moreTools(this.find("[data-more]"));
    this.find("[data-act=sizes]").hidden = !geometry.diameters?.length;
    const one = geometry.planes.length < 2 && geometry.dims[2] > 1 ? geometry.planes_note : "";
    const why = this.find("[data-why]");
    why.textContent = [geometry.oblique_note, one].filter(Boolean).join(" ");
    why.hidden = !why.textContent;
    paintScale(/** @type {HTMLCanvasElement} */ (this.find("[data-scale]")));
    this.classList.add("is-live");
    listen(this);
    this.setWindow(/** @type {Pair} */ (geometry.windows.auto));
    this.arrange();
    this.page.say("");
    new ResizeObserver(() => this.redraw()).observe(frame);
  }

  // ------------------------------------------------------------ where

  /** Slice and number of slices of the plane in hand. */
  where() {
    const { plane } = this.pane;
    if (!plane) return { index: Number(this.dataset.index), count: 1 };
    return { index: plane.at(this.scene.position).index, count: plane.count };
  }

  /** @param {PlaneView} pane */
  indexOf(pane) {
    return pane.plane?.at(this.scene.position).index ?? 0;
  }

  /**
   * @param {number} index
   * @param {number} x
   * @param {number} y
   * @returns {Triple}
   */
  voxel(index, x, y) {
    return /** @type {Plane} */ (this.pane.plane).voxel(index, x, y);
  }

  /** @param {number} by */
  step(by) {
    this.go(this.where().index + by);
  }

  /** @param {number} index */
  go(index) {
    const { plane } = this.pane;
    if (!plane) return;
    const next = clamp(index, 0, plane.count - 1);
    const at = plane.at(this.scene.position);
    if (next === at.index) return;
    this.scene.position = plane.voxel(next, at.x, at.y);
    this.page.stale = true;
    this.redraw();
  }

  /**
   * All planes cut through the place that a pointer shows.
   * @param {PlaneView} pane
   * @param {PointerEvent} event
   */
  cutThrough(pane, event) {
    const { x, y } = pane.toSlice(event);
    this.scene.position = /** @type {Plane} */ (pane.plane).voxel(this.indexOf(pane), x, y);
    this.page.stale = true;
    this.redraw();
  }

  /** @param {number} lesion its number, or 0: none is selected any more */
  select(lesion) {
    if (lesion === this.scene.selected) return;
    this.scene.selected = lesion;
    markRow(lesion);
    this.page.announce(lesion ? `Lesion ${lesion} selected` : "No lesion selected");
    this.redraw();
  }

  /** @param {PlaneView} pane */
  activate(pane) {
    if (pane === this.pane) return;
    this.pane = pane;
    this.arrange();
  }

  /**
   * @param {PlaneName} name
   * @param {"one"|"three"} layout
   */
  showPlane(name, layout = "one") {
    const pane = this.panes.get(name);
    if (!pane) return;
    this.pane = pane;
    this.layout = layout;
    this.arrange();
  }

  showThree() {
    this.layout = this.layout === "three" ? "one" : "three";
    this.arrange();
  }

  /** Lays the planes out and says which one is in hand. */
  arrange() {
    const three = this.layout === "three";
    this.stage.classList.toggle("is-three", three);
    this.scene.titled = three;
    this.scene.crosshair = three && this.cross;
    for (const [name, pane] of this.panes) {
      pane.hidden = !three && pane !== this.pane;
      pane.classList.toggle("is-active", pane === this.pane);
      this.page.press(`[data-act="plane:${name}"]`, pane === this.pane);
    }
    this.page.press("[data-act=three]", three);
    this.find("[data-act=crosshair]").hidden = !three;
    this.page.stale = true;
    this.redraw();
  }

  // ------------------------------------------------------------ picture

  /** @param {Pair} window */
  setWindow(window) {
    this.window = window;
    this.find("[data-wl]").textContent = this.menu?.show(window) ?? "";
    this.dataset.values = window.map((value) => value.toFixed(2)).join();
    this.redraw();
  }

  /**
   * Across is width, down is level, as everywhere.
   * @param {number} across screen pixels
   * @param {number} down
   */
  dragWindow(across, down) {
    const { geometry } = /** @type {Volume} */ (this.volume);
    const [from, to] = geometry.windows.auto ?? [0, 255];
    const unit = (to - from) / 300;
    const [low, high] = this.window;
    this.setWindow(windowOf(geometry, high - low + across * unit, (low + high) / 2 + down * unit));
  }

  /** @param {number} at */
  preset(at) {
    const window = this.menu?.presetAt(at);
    if (window) this.setWindow(window);
  }

  /** @param {number} factor */
  zoom(factor) {
    this.pane.zoomBy(factor);
    this.redraw();
  }

  fit() {
    for (const pane of this.panes.values()) pane.fit();
    this.redraw();
  }

  reset() {
    this.preset(0);
    this.select(0);
    Object.assign(this.scene, { shown: this.dataset.marks !== "off", sizes: true, heatShown: false });
    this.fit();
    this.page.refresh();
    this.page.announce("Window, zoom and marks as at first");
  }

  /**
   * @param {number} across
   * @param {number} down
   */
  shove(across, down) {
    const { width, height } = /** @type {Plane} */ (this.pane.plane);
    this.pane.pan((across * width) / 20, (down * height) / 20);
    this.redraw();
  }

  /** @param {"shown"|"sizes"|"heatShown"|"crosshair"} what */
  toggle(what) {
    const { scene } = this;
    if (what === "crosshair") {
      this.cross = !this.cross;
      scene.crosshair = this.cross && this.layout === "three";
    } else if (what === "sizes") {
      // Diameters are asked for: so are the marks that they belong to.
      scene.sizes = !(scene.shown && scene.sizes);
      scene.shown ||= scene.sizes;
    } else scene[what] = !scene[what];
    const on = what === "crosshair" ? this.cross : scene[what];
    const names = { shown: "Outline", sizes: "Diameters", heatShown: "Heat map", crosshair: "Crosshair" };
    this.page.announce(`${names[what]} ${on ? "on" : "off"}`);
    this.page.refresh();
    this.redraw();
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.querySelector(".viewer")?.requestFullscreen?.();
  }

  async openThreeD() {
    const { ThreeD } = await import("./viewer/three-d.js");
    ThreeD.open(this.find("[data-3d]"), /** @type {Volume} */ (this.volume), this.window);
  }

  // ------------------------------------------------------------ page

  redraw() {
    if (this.waiting || !this.volume) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      const panes = [...this.panes.values()].filter((pane) => !pane.hidden);
      // First everything is measured, then changed: else the browser lays the page out anew for every plane.
      for (const pane of panes) pane.measure();
      this.table?.set(this.window);
      for (const pane of panes) pane.draw(this.scene);
      this.page.tell();
      this.find("[data-zoom]").textContent = `${Math.round(this.pane.zoom * 100)}%`;
      this.stage.classList.toggle("is-zoomed", this.pane.zoom !== 1);
      this.find("[data-closing]").hidden = !(
        this.measuring.drafts.draft?.kind === "area" && this.measuring.drafts.draft.points.length > 2
      );
    });
  }

  /**
   * @param {string} selector
   * @returns {HTMLElement}
   */
  find(selector) {
    const found = /** @type {HTMLElement|null} */ (this.querySelector(selector));
    if (!found) throw new Error(`the viewer's template lacks ${selector}`);
    return found;
  }
}

customElements.define("scan-viewer", ScanViewer);
