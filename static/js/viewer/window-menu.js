// The window's menu: presets that this scan has, and two sliders, in step with whatever else changes the window.

import { closesItself } from "./popups.js";
import { limits, PRESETS, windowOf, windowText } from "./window.js";

/** @typedef {import("./volume.js").Geometry} Geometry */
/** @typedef {import("./volume.js").Pair} Pair */

const STEPS = 400;

export class WindowMenu {
  /**
   * @param {HTMLElement} menu a <details>
   * @param {Geometry} geometry
   * @param {(window: Pair) => void} chosen
   */
  constructor(menu, geometry, chosen) {
    this.menu = menu;
    this.geometry = geometry;
    this.width = /** @type {HTMLInputElement} */ (menu.querySelector("[data-width]"));
    this.level = /** @type {HTMLInputElement} */ (menu.querySelector("[data-level]"));
    const { low, high, narrowest, widest } = limits(geometry);
    for (const [input, min, max] of /** @type {const} */ ([
      [this.width, narrowest, widest],
      [this.level, low, Math.max(high, low + 1)],
    ])) {
      input.min = String(min);
      input.max = String(max);
      input.step = String((max - min) / STEPS);
      input.addEventListener("input", () =>
        chosen(windowOf(geometry, Number(this.width.value), Number(this.level.value))),
      );
    }
    const place = /** @type {HTMLElement} */ (menu.querySelector("[data-presets]"));
    for (const { name, title } of PRESETS.filter((preset) => geometry.windows[preset.name])) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "tool";
      button.dataset.preset = name;
      button.textContent = title;
      const key = document.createElement("kbd");
      key.textContent = String(PRESETS.findIndex((each) => each.name === name) + 1);
      button.append(key);
      button.addEventListener("click", () => chosen(/** @type {Pair} */ (geometry.windows[name])));
      place.append(button);
    }
    const summary = /** @type {HTMLElement} */ (menu.querySelector("summary"));
    const close = () => menu.removeAttribute("open");
    closesItself(menu, summary, () => menu.hasAttribute("open"), close);
    // Whoever means to drag on the picture wants to see it.
    menu.querySelector("[data-act]")?.addEventListener("click", close);
  }

  /**
   * Each preset has its own key, whichever others a scan has.
   * @param {number} at
   */
  presetAt(at) {
    return this.geometry.windows[PRESETS[at]?.name ?? ""] ?? null;
  }

  /** @param {Pair} window */
  show([low, high]) {
    this.width.value = String(high - low);
    this.level.value = String((low + high) / 2);
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (this.menu.querySelectorAll("[data-preset]"))) {
      const [from, to] = this.geometry.windows[button.dataset.preset ?? ""] ?? [0, 0];
      button.setAttribute("aria-pressed", String(from === low && to === high));
    }
    return windowText(this.geometry, [low, high]);
  }
}
