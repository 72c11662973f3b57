// <live-status data-url>: asks how far an analysis is, and shows the result once it has ended.

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2000;
// While it goes forward its end is near: a person who waits for it should not wait for the next look.
const LIVELY_WAIT_MS = 150;
const GROWTH = 1.3;

/**
 * @typedef {object} Status
 * @property {"queued"|"running"|"done"|"failed"|"refused"} state
 * @property {number} progress 0..1
 * @property {string|null} sentence
 */

class LiveStatus extends HTMLElement {
  wait = FIRST_WAIT_MS;
  progress = 0;
  said = "";
  timer = 0;

  connectedCallback() {
    this.again();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  again() {
    this.timer = window.setTimeout(() => this.ask(), this.wait);
    this.wait = Math.min(this.wait * GROWTH, LONGEST_WAIT_MS);
  }

  async ask() {
    try {
      const answer = await fetch(this.dataset.url ?? "", { headers: { Accept: "application/json" } });
      // Signed out in the meantime, or the scan is gone: the page itself says so.
      if (answer.redirected || answer.status === 404) return location.reload();
      if (answer.ok) {
        const status = /** @type {Status} */ (await answer.json());
        if (status.state !== "queued" && status.state !== "running") return location.reload();
        if (status.progress > this.progress) this.wait = Math.min(this.wait, LIVELY_WAIT_MS);
        this.progress = status.progress;
        this.show(status);
      }
    } catch {
      // The network is away for a moment: ask again, more slowly.
    }
    this.again();
  }

  /** @param {Status} status */
  show(status) {
    const bar = this.querySelector("progress");
    if (bar) bar.value = Math.round(status.progress * 100);
    const half = this.querySelector("[data-live]");
    const [lead, ...rest] = (status.sentence ?? "").split(": ");
    if (half && rest.length) half.textContent = rest.join(": ");
    const bold = this.querySelector(".v-sentence b");
    if (bold && lead && rest.length) bold.textContent = lead;
    const spoken = this.querySelector("[data-announce]");
    if (spoken && lead && lead !== this.said) spoken.textContent = lead;
    this.said = lead ?? "";
  }
}

customElements.define("live-status", LiveStatus);

export { LiveStatus };
