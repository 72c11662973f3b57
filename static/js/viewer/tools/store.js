// The measurements of a scan, kept on the server. Every change can be undone and done again; one that could not be
// kept stays on the screen, says so, and can be sent again: nothing vanishes quietly.

/** @typedef {import("./values.js").Kind} Kind */
/** @typedef {import("./values.js").Point} Point */
/** @typedef {import("../volume.js").PlaneName} PlaneName */

/** @typedef {{kind: Kind, plane: PlaneName, slice: number, points: Point[]}} Drawing */
/**
 * @typedef {Drawing & {id: string, text: string, assumes_square: boolean, author: string, mine: boolean,
 *   fault?: string, replaces?: string}} Measurement `fault`: why it is not kept
 */
/** @typedef {{hide: string[], show: string[]}} Change ids that a step hides and shows */

const LOST = "The server could not be reached.";

export class Store extends EventTarget {
  /** @type {Measurement[]} */
  list = [];
  /** @type {Change[]} */
  done = [];
  /** @type {Change[]} */
  undone = [];
  busy = false;
  unsaved = 0;

  /**
   * @param {string} address of the scan's measurements
   * @param {string} token against forged requests
   * @param {boolean} keeps whether this person may keep measurements on this scan
   */
  constructor(address, token, keeps) {
    super();
    this.address = address;
    this.token = token;
    this.keeps = keeps;
  }

  async load() {
    try {
      const answer = await this.ask("GET", this.address);
      this.list = [...answer.measurements, ...this.list.filter(isNew)];
      this.changed();
    } catch (error) {
      this.changed(`The measurements could not be loaded. ${sentence(error)}`);
    }
  }

  /**
   * Keeps a drawing; where it replaces a measurement, that one goes.
   * @param {Drawing} drawing
   * @param {string} [text] its value as drawn
   * @param {Measurement} [replaced]
   */
  async draw(drawing, text = "", replaced = undefined) {
    this.unsaved += 1;
    /** @type {Measurement} */
    const row = { ...drawing, id: `new-${this.unsaved}`, text, assumes_square: false, author: "you", mine: true };
    // What is not kept yet hides nothing but what it was itself to replace.
    const replaces = isNew(replaced) ? replaced?.replaces : replaced?.id;
    if (replaces) row.replaces = replaces;
    const place = replaced ? this.list.indexOf(replaced) : -1;
    if (place >= 0) this.list.splice(place, 1, row);
    else this.list.push(row);
    this.changed();
    await this.keep(row);
  }

  /**
   * Sends a drawing that is not kept yet.
   * @param {Measurement} row
   */
  async keep(row) {
    if (!this.keeps) {
      row.fault = "Not kept: you may read this scan, not write on it.";
      return this.changed();
    }
    const { kind, plane, slice, points, replaces } = row;
    try {
      const made = await this.ask("POST", this.address, { kind, plane, slice, points, replaces: replaces ?? null });
      this.list[this.list.indexOf(row)] = made;
      this.remember({ hide: replaces ? [replaces] : [], show: [made.id] });
      this.changed();
    } catch (error) {
      row.fault = `Not kept. ${sentence(error)}`;
      this.changed(row.fault);
    }
  }

  /** @param {Measurement} row */
  async remove(row) {
    if (isNew(row)) {
      this.list = this.list.filter((each) => each !== row);
      return this.changed();
    }
    if (await this.apply({ hide: [row.id], show: [] })) this.remember({ hide: [row.id], show: [] });
    this.changed();
  }

  async undo() {
    const change = this.done.at(-1);
    if (!change || this.busy) return;
    if (await this.apply({ hide: change.show, show: change.hide })) this.undone.push(...this.done.splice(-1));
    this.changed();
  }

  async redo() {
    const change = this.undone.at(-1);
    if (!change || this.busy) return;
    if (await this.apply(change)) this.done.push(...this.undone.splice(-1));
    this.changed();
  }

  /** @param {Change} change */
  remember(change) {
    this.done.push(change);
    this.undone = [];
  }

  /**
   * @param {Change} change
   * @returns {Promise<boolean>} whether all of it is kept
   */
  async apply({ hide, show }) {
    this.busy = true;
    try {
      for (const id of hide) {
        await this.ask("DELETE", `${this.address}${id}/`);
        this.list = this.list.filter((each) => each.id !== id);
      }
      for (const id of show) this.list.push(await this.ask("POST", `${this.address}${id}/`));
      return true;
    } catch (error) {
      const fault = sentence(error);
      await this.load();
      this.changed(fault);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** @param {string} [fault] */
  changed(fault = "") {
    this.dispatchEvent(new CustomEvent("change", { detail: fault }));
  }

  /**
   * @param {string} method
   * @param {string} address
   * @param {object} [body]
   */
  async ask(method, address, body = undefined) {
    /** @type {Response} */
    let answer;
    try {
      answer = await fetch(address, {
        method,
        headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": this.token },
        ...(body ? { body: JSON.stringify(body) } : {}),
        redirect: "manual",
      });
    } catch {
      throw new Error(LOST);
    }
    if (answer.type === "opaqueredirect")
      throw new Error("You were signed out. Sign in in another tab, then try again.");
    const told = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {};
    if (!answer.ok) throw new Error(told.error ?? `The server answered ${answer.status}. Load the page again.`);
    return told;
  }
}

/** @param {Measurement} [row] */
function isNew(row) {
  return row?.id.startsWith("new-") ?? false;
}

/** @param {unknown} error */
function sentence(error) {
  return error instanceof Error ? error.message : LOST;
}
