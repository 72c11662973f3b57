// What drops down from the toolbar closes again when a press lands elsewhere, or by Escape, which gives the focus back.

/**
 * @param {HTMLElement} place button and what it opens
 * @param {HTMLElement} button
 * @param {() => boolean} isOpen
 * @param {() => void} close
 */
export function closesItself(place, button, isOpen, close) {
  document.addEventListener("pointerdown", (event) => {
    if (!place.contains(/** @type {Node} */ (event.target))) close();
  });
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOpen()) return;
    event.stopPropagation();
    close();
    button.focus();
  });
}

/**
 * The tools that a narrow viewer keeps behind one button; a wide one shows them in the row.
 * @param {HTMLElement} place
 */
export function moreTools(place) {
  const button = /** @type {HTMLElement} */ (place.querySelector("[data-act=more]"));
  const isOpen = () => button.getAttribute("aria-expanded") === "true";
  const set = (/** @type {boolean} */ open) => button.setAttribute("aria-expanded", String(open));
  closesItself(place, button, isOpen, () => set(false));
  button.addEventListener("click", () => set(!isOpen()));
}
