// What the page says about the slices as acquired: the strip's links, their probabilities, the address in the bar.

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
   * Marks a slice as the one that is shown.
   * @param {number} before the one marked until now; below 0, whichever the server marked
   * @param {number} index
   */
  mark(before, index) {
    for (const link of before < 0 ? this.links : [this.links[before]]) link?.removeAttribute("aria-current");
    this.links[index]?.setAttribute("aria-current", "true");
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
  const number = Number(link?.getAttribute("href")?.match(/^\?slice=(\d+)$/)?.[1] ?? 0);
  return number >= 1 && number <= count ? number - 1 : null;
}
