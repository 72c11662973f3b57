// What the page says beside the picture: slice and probability, which buttons are on, one sentence at a time.

import { Strip } from "./strip.js";

/** @typedef {import("../scan-viewer.js").ScanViewer} ScanViewer */

/** Milliseconds without another slice until strip, address and live region follow: nobody reads them on the way. */
const RESTING = 150;
/** What to do while the window is dragged: with a pointer, and with keys. */
const WINDOWING = ["Drag across for width, down for level.", "Escape leaves."];

export class Page {
  /** The acquired slice that the strip marks. */
  at = -1;
  /** Whether the plane in hand has moved since the page said where it cuts. */
  stale = false;
  /** What the live region is to say once the slices rest. */
  unsaid = "";
  resting = 0;
  hinted = false;
  /** What the marks on the picture are called: those of an uncertain scan are in doubt. */
  outlined = "Outlined";

  /** @param {ScanViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    if ("doubt" in viewer.dataset) this.outlined = "In doubt, outlined";
    this.strip = new Strip(viewer);
    this.strip.reveal(Number(viewer.dataset.index));
  }

  /** Says where the plane in hand cuts, once a frame. */
  tell() {
    if (!this.stale) return;
    this.stale = false;
    const { viewer, strip } = this;
    const { plane } = viewer.pane;
    const { geometry } = viewer.volume ?? {};
    if (!plane || !geometry) return;
    const { index, count } = viewer.where();
    const slider = /** @type {HTMLInputElement} */ (viewer.find("[data-slider]"));
    slider.max = String(count);
    slider.value = String(index + 1);
    viewer.find("[data-scroll]").hidden = count < 2;
    const acquired = plane.name === geometry.acquired;
    const name = geometry.planes.length > 1 ? `${plane.title}, slice` : "Slice";
    const text = count > 1 ? `${name} ${index + 1} of ${count}` : "One picture";
    slider.setAttribute("aria-valuetext", text);
    viewer.find("[data-where]").textContent = text;
    if (strip.links.length) {
      const { chance, area } = acquired ? strip.about(index) : { chance: "", area: "" };
      viewer.find("[data-chance]").textContent = chance.includes("%") ? `Tumour probability ${chance}` : chance;
      viewer.find("[data-area]").textContent =
        acquired && viewer.analysed ? (area ? `${this.outlined}: ${area}` : "Nothing outlined") : "";
      const label = [text, chance && `tumour probability ${chance}`, area && `${area} outlined`];
      viewer.stage.setAttribute("aria-label", label.filter(Boolean).join(", "));
      this.unsaid = [text, chance].filter(Boolean).join(", ");
    }
    this.mark(viewer.indexOf(/** @type {import("./plane-view.js").PlaneView} */ (viewer.panes.get(geometry.acquired))));
  }

  /** @param {number} index */
  mark(index) {
    const first = this.at < 0;
    if (this.strip.links.length && index !== this.at) this.strip.mark(this.at, index);
    this.at = index;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(first), RESTING);
  }

  /** @param {boolean} first whether nobody has moved yet */
  rest(first) {
    if (this.unsaid) this.announce(this.unsaid);
    if (!this.strip.links.length) return;
    this.strip.reveal(this.at);
    if (first) return;
    // The address names the slice, so that a reload or a link comes back to it.
    const query = new URLSearchParams(location.search);
    query.set("slice", String(this.at + 1));
    history.replaceState(null, "", `?${query}`);
  }

  /** Buttons say what is on and what there is to undo. */
  refresh() {
    const { viewer } = this;
    const { store, drafts, tool } = viewer.measuring;
    this.press("[data-act=mask]", viewer.scene.shown);
    this.press("[data-act=sizes]", viewer.scene.shown && viewer.scene.sizes);
    this.press("[data-act=heat]", viewer.scene.heatShown);
    this.press("[data-act=crosshair]", viewer.cross);
    viewer.find("[data-legend]").hidden = !viewer.scene.heatShown;
    for (const name of ["window", "ruler", "area", "angle"]) this.press(`[data-act="tool:${name}"]`, tool === name);
    /** @type {HTMLButtonElement} */ (viewer.find("[data-act=undo]")).disabled = !store.done.length;
    /** @type {HTMLButtonElement} */ (viewer.find("[data-act=redo]")).disabled = !store.undone.length;
    viewer.find("[data-leaving]").hidden = tool === "move" && !drafts.draft;
    viewer.stage.dataset.tool = drafts.draft?.replaced ? "adjust" : tool;
    const [pointer = "", keys = ""] = tool === "window" ? WINDOWING : drafts.hint;
    if (pointer || this.hinted) this.say(pointer, false);
    viewer.find("[data-hint-keys]").textContent = keys;
    this.hinted = Boolean(pointer);
    viewer.redraw();
  }

  /**
   * @param {string} selector
   * @param {boolean} pressed
   */
  press(selector, pressed) {
    this.viewer.querySelector(selector)?.setAttribute("aria-pressed", String(pressed));
  }

  /**
   * A sentence below the stage; aloud unless it only accompanies.
   * @param {string} sentence
   * @param {boolean} [aloud]
   */
  say(sentence, aloud = true) {
    this.viewer.find("[data-hint]").textContent = sentence;
    if (aloud) this.announce(sentence);
  }

  /** @param {string} sentence */
  announce(sentence) {
    this.unsaid = "";
    this.viewer.find("[data-announce]").textContent = sentence;
  }
}
