// What the page says about the slices as acquired: the strip's links, their probabilities, the address in the bar.
// Once the viewer is alive the strip is one stop for Tab, and arrows go on in it; until then every link is its own.

/** @type {Record<string, (index: number, last: number) => number>} */
const MOVES = {
  ArrowLeft: (index) => index - 1,
  ArrowUp: (index) => index - 1,
  ArrowRight: (index) => index + 1,
  ArrowDown: (index) => index + 1,
  Home: () => 0,
  End: (_, last) => last,
};

export class Strip {
  /** @param {HTMLElement} viewer */
  constructor(viewer) {
    this.links = /** @type {HTMLAnchorElement[]} */ ([...viewer.querySelectorAll(".slices a")]);
  }

  /**
   * What the strip knows of a slice: the probability and the outlined area, in words.
   * @param {number} index
   */
  about(index) {
    const { chance = "", area = "" } = this.links[index]?.dataset ?? {};
    return { chance, area };
  }

  /**
   * Marks a slice as the one that is shown and that Tab stops at; whoever is in the strip goes along.
   * @param {number} before the one marked until now; below 0, whichever the server marked
   * @param {number} index
   */
  mark(before, index) {
    const within = before >= 0 && document.activeElement?.closest(".slices");
    for (const link of before < 0 ? this.links : [this.links[before]]) {
      link?.removeAttribute("aria-current");
      link?.setAttribute("tabindex", "-1");
    }
    const link = this.links[index];
    link?.setAttribute("aria-current", "true");
    link?.setAttribute("tabindex", "0");
    if (within) link?.focus({ preventScroll: true });
  }

  /**
   * The slice that a key leads to from a link of the strip, or null.
   * @param {KeyboardEvent} event
   * @param {number} index the slice shown
   */
  moved(event, index) {
    const move = MOVES[event.key];
    if (!move || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return null;
    return /** @type {Element} */ (event.target).closest(".slices") ? move(index, this.links.length - 1) : null;
  }

  /**
   * Brings a slice's link into the middle of the strip; the page itself does not move.
   * @param {number} index
   */
  reveal(index) {
    const link = this.links[index];
    const strip = link?.parentElement;
    if (link && strip) strip.scrollLeft = link.offsetLeft - (strip.clientWidth - link.offsetWidth) / 2;
  }
}

/**
 * The slice that a link on this page leads to, from 0, or null where it leads elsewhere.
 * @param {Event} event
 * @param {number} count
 */
export function sliceOf(event, count) {
  const click = /** @type {MouseEvent} */ (event);
  if (click.ctrlKey || click.metaKey || click.shiftKey || click.button) return null;
  const link = /** @type {Element|null} */ (event.target)?.closest?.("a[href^='?slice=']");
  const number = Number(link?.getAttribute("href")?.match(/^\?slice=(\d+)(?:#viewer)?$/)?.[1] ?? 0);
  return number >= 1 && number <= count ? number - 1 : null;
}
