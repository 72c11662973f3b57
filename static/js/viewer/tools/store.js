// The measurements of a scan, kept on the server. Every change can be undone and done again; one that could not be
// kept stays on the screen, says so, and can be sent again: nothing vanishes quietly.

/** @typedef {import("./values.js").Kind} Kind */
/** @typedef {import("./values.js").Point} Point */
/** @typedef {import("../volume.js").PlaneName} PlaneName */

/** @typedef {{kind: Kind, plane: PlaneName, slice: number, points: Point[]}} Drawing */
/**
 * @typedef {Drawing & {id: string, text: string, assumes_square: boolean, author: string, mine: boolean,
 *   fault?: string, replaced?: any, kept?: any}} Measurement `fault`: why it is not kept; `replaced`: the measurement
 *   that was moved to become it; `kept`: what the server made of it
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
  /** @type {Promise<void>} */
  turn = Promise.resolve();
  unsaved = 0;
  /** Whether the steps of earlier visits are known: undo goes back through them. */
  loaded = false;

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
      if (!this.loaded) this.done.unshift(...answer.steps.map(changeOf));
      this.loaded = true;
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
  draw(drawing, text = "", replaced = undefined) {
    this.unsaved += 1;
    /** @type {Measurement} */
    const row = {
      ...drawing,
      id: `new-${this.unsaved}`,
      text,
      assumes_square: false,
      author: "you",
      mine: true,
      replaced,
    };
    const place = replaced ? this.list.indexOf(newest(replaced)) : -1;
    if (place >= 0) this.list.splice(place, 1, row);
    else this.list.push(row);
    this.changed();
    return this.keep(row);
  }

  /**
   * Sends a drawing that is not kept yet.
   * @param {Measurement} row
   */
  keep(row) {
    if (!this.keeps) {
      row.fault = "Not kept: you may read this scan, not write on it.";
      this.changed();
    }
    return this.inTurn(async () => {
      if (!this.keeps || !this.list.includes(row)) return;
      const { kind, plane, slice, points } = row;
      const replaces = keptBefore(row);
      try {
        const made = await this.ask("POST", this.address, { kind, plane, slice, points, replaces });
        row.kept = made;
        this.list[this.list.indexOf(row)] = made;
        this.remember({ hide: replaces ? [replaces] : [], show: [made.id] });
        this.changed();
      } catch (error) {
        row.fault = `Not kept. ${sentence(error)}`;
        this.changed(row.fault);
      }
    });
  }

  /** @param {Measurement} row */
  remove(row) {
    return this.inTurn(async () => {
      // It may have been kept since the button was drawn.
      const now = newest(row);
      const before = isNew(now) ? keptBefore(now) : now.id;
      if (isNew(now)) this.list = this.list.filter((each) => each !== now);
      if (before && (await this.apply({ hide: [before], show: [] }))) this.remember({ hide: [before], show: [] });
      this.changed();
    });
  }

  undo() {
    return this.inTurn(async () => {
      const change = this.done.at(-1);
      if (!change) return;
      if (await this.apply({ hide: change.show, show: change.hide })) this.undone.push(...this.done.splice(-1));
      this.changed();
    });
  }

  redo() {
    return this.inTurn(async () => {
      const change = this.undone.at(-1);
      if (!change) return;
      if (await this.apply(change)) this.done.push(...this.undone.splice(-1));
      this.changed();
    });
  }

  /**
   * One change after the other: what a step is about may still be on its way.
   * @param {() => Promise<void>} step
   */
  inTurn(step) {
    this.turn = this.turn.then(step);
    return this.turn;
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

/**
 * @param {{show: string, replaces: string|null}} step
 * @returns {Change}
 */
function changeOf({ show, replaces }) {
  return { show: [show], hide: replaces ? [replaces] : [] };
}

/**
 * What a measurement has become.
 * @param {Measurement} row
 * @returns {Measurement}
 */
function newest(row) {
  return row.kept ? newest(row.kept) : row;
}

/**
 * The key of the kept measurement that a drawing is to replace, or null.
 * @param {Measurement} row
 * @returns {string|null}
 */
function keptBefore(row) {
  if (!row.replaced) return null;
  const before = newest(row.replaced);
  return isNew(before) ? keptBefore(before) : before.id;
}

/** @param {Measurement} [row] */
function isNew(row) {
  return row?.id.startsWith("new-") ?? false;
}

/** @param {unknown} error */
function sentence(error) {
  return error instanceof Error ? error.message : LOST;
}
