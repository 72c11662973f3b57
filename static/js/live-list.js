// <live-list data-live>: while a row is in progress, asks for the page again and exchanges the rows that changed.

const WAIT_MS = 2000;

class LiveList extends HTMLElement {
  timer = 0;

  connectedCallback() {
    if (this.dataset.live !== undefined) this.again();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  again() {
    this.timer = window.setTimeout(() => this.ask(), WAIT_MS);
  }

  async ask() {
    try {
      const answer = await fetch(location.href);
      if (answer.redirected) return location.reload();
      if (answer.ok) this.exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The network is away for a moment: ask again.
    }
    if (this.querySelector(".going")) this.again();
    else if (location.pathname.startsWith("/studies/")) location.reload();
  }

  /** @param {Document} fresh */
  exchange(fresh) {
    let ended = 0;
    for (const row of this.querySelectorAll(".going")) {
      const next = fresh.getElementById(row.id);
      if (!next || next.innerHTML === row.innerHTML || row.contains(document.activeElement)) continue;
      if (!next.classList.contains("going")) ended += 1;
      row.replaceWith(document.importNode(next, true));
    }
    const spoken = this.querySelector("[data-announce]");
    if (ended && spoken) spoken.textContent = ended === 1 ? "One analysis has ended." : `${ended} analyses have ended.`;
  }
}

customElements.define("live-list", LiveList);

export { LiveList };
