// Rulers, areas and angles of one viewer: the tool in hand, what is drawn with it, what is kept, and their list.

import { Drafts } from "./drafts.js";
import { fillList } from "./list.js";
import { Store } from "./store.js";
import { TITLES, valueText } from "./values.js";

/** @typedef {import("../../scan-viewer.js").ScanViewer} ScanViewer */
/** @typedef {import("./drafts.js").Draft} Draft */
/** @typedef {import("./store.js").Measurement} Measurement */
/** @typedef {import("./values.js").Kind} Kind */

export class Measuring {
  /** @type {Kind|"move"|"window"} */
  tool = "move";

  /** @param {ScanViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    const { base, token = "", keeps } = viewer.dataset;
    this.store = new Store(`${base}measurements/`, token, keeps === "yes");
    this.drafts = new Drafts({
      redraw: () => viewer.redraw(),
      finish: (draft) => this.keep(draft),
      say: (sentence) => viewer.page.say(sentence),
    });
    this.store.addEventListener("change", (event) => {
      this.list();
      const fault = /** @type {CustomEvent} */ (event).detail;
      if (fault) viewer.page.say(fault);
    });
  }

  /** @param {Kind|"move"|"window"} tool chosen again, it is put away */
  choose(tool) {
    this.tool = this.tool === tool ? "move" : tool;
    this.drafts.choose(this.tool === "move" || this.tool === "window" ? null : this.tool);
    const names = { ...TITLES, move: "Tool put away", window: "Window by dragging" };
    this.viewer.page.announce(names[this.tool]);
    this.viewer.page.refresh();
  }

  /** Escape: what is drawn goes first, then the tool. */
  leave() {
    if (this.drafts.draft) this.drafts.cancel();
    else this.choose(this.tool);
    this.viewer.page.refresh();
  }

  /**
   * @param {Measurement} row
   * @param {number} [active]
   */
  adjust(row, active = 0) {
    if (this.tool !== "move") this.choose(this.tool);
    this.goTo(row);
    this.drafts.adjust(row, active);
    this.viewer.page.refresh();
    this.viewer.stage.focus({ preventScroll: true });
  }

  /** @param {Measurement} row */
  goTo(row) {
    this.viewer.showPlane(row.plane, this.viewer.layout);
    this.viewer.go(row.slice);
  }

  /** @param {Draft} draft */
  keep({ kind, plane, slice, points, replaced }) {
    const text = valueText(kind, points, this.viewer.panes.get(plane)?.plane?.mm ?? null);
    this.viewer.page.announce(`${TITLES[kind]}, ${text}`);
    this.store.draw({ kind, plane, slice, points }, text, replaced);
    this.viewer.page.refresh();
  }

  list() {
    const rows = this.store.list;
    this.viewer.find("[data-measures]").hidden = !rows.length;
    fillList(this.viewer.find("[data-list]"), rows, (row) => this.placeOf(row), {
      go: (row) => this.goTo(row),
      adjust: (row) => this.adjust(row),
      remove: (row) => this.store.remove(row),
      keep: (row) => this.store.keep(row),
    });
    this.viewer.page.refresh();
  }

  /** @param {Measurement} row */
  placeOf(row) {
    const { panes } = this.viewer;
    const plane = panes.get(row.plane)?.plane;
    if (!plane || plane.count < 2) return "on the picture";
    return `${panes.size > 1 ? `${plane.title.toLowerCase()} ` : ""}slice ${row.slice + 1}`;
  }
}
