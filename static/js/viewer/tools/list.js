// The list of measurements under the picture: what it is, where, by whom; go there, adjust, remove.

import { nameOf, TITLES } from "./values.js";

/** @typedef {import("./store.js").Measurement} Measurement */
/**
 * @typedef {object} Acts
 * @property {(row: Measurement) => void} go
 * @property {(row: Measurement) => void} adjust
 * @property {(row: Measurement) => void} remove
 * @property {(row: Measurement) => void} keep
 */

/**
 * @param {HTMLElement} list an <ol>
 * @param {Measurement[]} rows
 * @param {(row: Measurement) => string} where plane and slice in words
 * @param {Acts} acts
 */
export function fillList(list, rows, where, acts) {
  const focus = document.activeElement;
  const held = focus instanceof HTMLButtonElement && list.contains(focus) ? focus : null;
  const at = held ? [...list.children].indexOf(/** @type {Element} */ (held.closest("li"))) : -1;
  list.replaceChildren(...rows.map((row, place) => line(row, nameOf(place), where(row), acts)));
  if (!held) return;
  // Whoever works by keys goes on where they were.
  const buttons = [...(list.children[Math.min(at, rows.length - 1)]?.querySelectorAll("button") ?? [])];
  (buttons.find((each) => each.textContent === held.textContent) ?? buttons[0])?.focus();
}

/**
 * @param {Measurement} row
 * @param {string} letter
 * @param {string} where
 * @param {Acts} acts
 */
function line(row, letter, where, acts) {
  const item = document.createElement("li");
  item.dataset.measurement = row.id;
  const name = `${TITLES[row.kind]} ${letter}`;
  const text = document.createElement("p");
  text.append(bold(`${letter}  ${row.text || TITLES[row.kind]}`), ` ${TITLES[row.kind]}, ${where}`);
  const by = [row.mine ? "" : `by ${row.author}`, row.assumes_square ? "if pixels are square" : ""];
  const more = by.filter(Boolean).join(", ");
  if (more) text.append(`, ${more}`);
  item.append(text);
  if (row.fault) {
    const fault = document.createElement("p");
    fault.className = "fault";
    fault.textContent = row.fault;
    item.append(fault);
  }
  const buttons = document.createElement("span");
  buttons.append(button("Go to", name, () => acts.go(row)));
  if (row.mine) buttons.append(button("Adjust", name, () => acts.adjust(row)));
  if (row.fault && row.mine) buttons.append(button("Keep", name, () => acts.keep(row)));
  if (row.mine) buttons.append(button("Remove", name, () => acts.remove(row)));
  item.append(buttons);
  return item;
}

/**
 * @param {string} text
 * @param {string} of
 * @param {() => void} act
 */
function button(text, of, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "tool small";
  made.textContent = text;
  made.setAttribute("aria-label", `${text}: ${of}`);
  made.addEventListener("click", act);
  return made;
}

/** @param {string} text */
function bold(text) {
  const made = document.createElement("b");
  made.textContent = text;
  return made;
}
