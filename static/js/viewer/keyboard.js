// The keys of the viewer as one table: what acts is what the help lists. A row is offered where the scan has what it
// needs; it acts while `now` allows it. Keys work while the viewer has focus; single letters can be switched off.

/** @typedef {import("../scan-viewer.js").ScanViewer} ScanViewer */
/**
 * @typedef {object} Binding
 * @property {string} group
 * @property {string[]} keys as `keyOf` names them
 * @property {string} shown
 * @property {string} says
 * @property {(viewer: ScanViewer) => boolean} [offered]
 * @property {(viewer: ScanViewer) => boolean} [now]
 * @property {(viewer: ScanViewer, key: string) => unknown} act
 */

const STEP = 1.25;
const PAGE = 5;
const LETTERS_OFF = "brainscan-single-keys-off";
const MOVES = ["Home", "End", "PageUp", "PageDown"];

const many = (/** @type {ScanViewer} */ viewer) => viewer.where().count > 1;
const planes = (/** @type {ScanViewer} */ viewer) => (viewer.volume?.geometry.planes.length ?? 0) > 1;
const measured = (/** @type {ScanViewer} */ viewer) => Boolean(viewer.volume?.geometry.diameters?.length);
const drawing = (/** @type {ScanViewer} */ viewer) =>
  Boolean(viewer.measuring.drafts.kind ?? viewer.measuring.drafts.draft);
const resting = (/** @type {ScanViewer} */ viewer) => !drawing(viewer);
const adjusting = (/** @type {ScanViewer} */ viewer) => Boolean(viewer.measuring.drafts.draft?.replaced);

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const BACK = ["ArrowLeft", "ArrowUp"];
const ON = ["ArrowRight", "ArrowDown"];

/** @param {ScanViewer} viewer @param {string} key @param {number} far */
function aim(viewer, key, far) {
  const [across, down] = ARROWS[key.replace("Shift+", "")] ?? [0, 0];
  viewer.measuring.drafts.nudge(viewer.pane, across * far, down * far);
}

/** @type {Binding[]} */
export const BINDINGS = [
  // While something is drawn or adjusted, arrows move the point.
  { group: "Measuring", keys: ["l"], shown: "L", says: "Ruler", act: (v) => v.measuring.choose("ruler") },
  { group: "Measuring", keys: ["p"], shown: "P", says: "Area", act: (v) => v.measuring.choose("area") },
  { group: "Measuring", keys: ["g"], shown: "G", says: "Angle", act: (v) => v.measuring.choose("angle") },
  {
    group: "Measuring",
    keys: Object.keys(ARROWS),
    shown: "Arrows",
    says: "Move the point, while measuring",
    now: drawing,
    act: (v, key) => aim(v, key, 1),
  },
  {
    group: "Measuring",
    keys: Object.keys(ARROWS).map((key) => `Shift+${key}`),
    shown: "Shift and arrows",
    says: "Move it ten times as far",
    now: drawing,
    act: (v, key) => aim(v, key, 10),
  },
  {
    group: "Measuring",
    keys: ["Enter"],
    shown: "Enter",
    says: "Set a point; keep what was adjusted",
    now: drawing,
    act: (v) => v.measuring.drafts.place(v.pane, v.where().index),
  },
  {
    group: "Measuring",
    keys: ["c"],
    shown: "C",
    says: "Close the area",
    now: drawing,
    act: (v) => v.measuring.drafts.finish(),
  },
  {
    group: "Measuring",
    keys: ["n"],
    shown: "N",
    says: "Next point, while adjusting",
    now: adjusting,
    act: (v) => v.measuring.drafts.next(),
  },
  {
    group: "Measuring",
    keys: ["Backspace"],
    shown: "Backspace",
    says: "Take the last point back",
    now: drawing,
    act: (v) => v.measuring.drafts.back(),
  },
  {
    group: "Measuring",
    keys: ["Escape"],
    shown: "Escape",
    says: "Leave it; then put the tool away",
    now: (v) => drawing(v) || v.measuring.tool === "window",
    act: (v) => v.measuring.leave(),
  },
  { group: "Measuring", keys: ["Ctrl+z"], shown: "Ctrl Z", says: "Undo", act: (v) => v.measuring.store.undo() },
  {
    group: "Measuring",
    keys: ["Ctrl+y", "Ctrl+Shift+z"],
    shown: "Ctrl Y",
    says: "Do it again",
    act: (v) => v.measuring.store.redo(),
  },
  {
    group: "Slices",
    keys: [...BACK, "k"],
    shown: "← ↑ K",
    says: "Slice before",
    offered: many,
    now: (v) => resting(v) && many(v),
    act: (v) => v.step(-1),
  },
  {
    group: "Slices",
    keys: [...ON, "j"],
    shown: "→ ↓ J",
    says: "Next slice",
    offered: many,
    now: (v) => resting(v) && many(v),
    act: (v) => v.step(1),
  },
  {
    group: "Slices",
    keys: ["PageUp"],
    shown: "Page up",
    says: "Five slices back",
    offered: many,
    now: many,
    act: (v) => v.step(-PAGE),
  },
  {
    group: "Slices",
    keys: ["PageDown"],
    shown: "Page down",
    says: "Five slices on",
    offered: many,
    now: many,
    act: (v) => v.step(PAGE),
  },
  {
    group: "Slices",
    keys: ["Home"],
    shown: "Home",
    says: "First slice",
    offered: many,
    now: many,
    act: (v) => v.go(0),
  },
  {
    group: "Slices",
    keys: ["End"],
    shown: "End",
    says: "Last slice",
    offered: many,
    now: many,
    act: (v) => v.go(v.where().count - 1),
  },
  {
    group: "Planes",
    keys: ["a"],
    shown: "A",
    says: "Axial",
    offered: planes,
    now: planes,
    act: (v) => v.showPlane("axial"),
  },
  {
    group: "Planes",
    keys: ["d"],
    shown: "D",
    says: "Coronal",
    offered: planes,
    now: planes,
    act: (v) => v.showPlane("coronal"),
  },
  {
    group: "Planes",
    keys: ["s"],
    shown: "S",
    says: "Sagittal",
    offered: planes,
    now: planes,
    act: (v) => v.showPlane("sagittal"),
  },
  {
    group: "Planes",
    keys: ["t"],
    shown: "T",
    says: "Three planes, or one",
    offered: planes,
    now: planes,
    act: (v) => v.showThree(),
  },
  {
    group: "Planes",
    keys: ["x"],
    shown: "X",
    says: "Crosshair on or off",
    offered: planes,
    now: planes,
    act: (v) => v.toggle("crosshair"),
  },
  {
    group: "Picture",
    keys: ["o"],
    shown: "O",
    says: "All that the AI marked, on or off",
    offered: (v) => v.analysed,
    now: (v) => v.analysed,
    act: (v) => v.toggle("shown"),
  },
  {
    group: "Picture",
    keys: ["m"],
    shown: "M",
    says: "Diameters of lesions on or off",
    offered: measured,
    now: measured,
    act: (v) => v.toggle("sizes"),
  },
  {
    group: "Picture",
    keys: ["h"],
    shown: "H",
    says: "Heat map on or off",
    offered: (v) => Boolean(v.volume?.geometry.heat),
    now: (v) => Boolean(v.volume?.heat),
    act: (v) => v.toggle("heatShown"),
  },
  {
    group: "Picture",
    keys: ["w"],
    shown: "W",
    says: "Window by dragging, or not",
    act: (v) => v.measuring.choose("window"),
  },
  {
    group: "Picture",
    keys: ["1", "2", "3", "4", "5"],
    shown: "1 to 5",
    says: "Window presets; 5 is the file’s own",
    act: (v, key) => v.preset(Number(key) - 1),
  },
  { group: "Picture", keys: ["+", "="], shown: "+", says: "Zoom in", act: (v) => v.zoom(STEP) },
  { group: "Picture", keys: ["-"], shown: "-", says: "Zoom out", act: (v) => v.zoom(1 / STEP) },
  { group: "Picture", keys: ["0"], shown: "0", says: "Fit", act: (v) => v.fit() },
  {
    group: "Picture",
    keys: Object.keys(ARROWS).map((key) => `Shift+${key}`),
    shown: "Shift and arrows",
    says: "Move a zoomed picture",
    now: resting,
    act: (v, key) => v.shove(...(ARROWS[key.replace("Shift+", "")] ?? [0, 0])),
  },
  { group: "Picture", keys: ["r"], shown: "R", says: "Reset window, zoom and marks", act: (v) => v.reset() },
  { group: "Picture", keys: ["f"], shown: "F", says: "Full screen on or off", act: (v) => v.fullScreen() },
  { group: "Picture", keys: ["?"], shown: "?", says: "This help", act: showHelp },
];

/**
 * A key as the table names it: `Ctrl+z`, `Shift+ArrowUp`, `o`. Shift counts with arrows only: `+` and `?` need it.
 * @param {KeyboardEvent} event
 */
export function keyOf(event) {
  const letter = event.key.length === 1;
  const key = letter ? event.key.toLowerCase() : event.key;
  const control = event.ctrlKey || event.metaKey;
  const shift = event.shiftKey && (control || event.key.startsWith("Arrow"));
  return `${control ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${key}`;
}

/**
 * Whether a control under the focus needs a key for itself.
 * @param {Element} target
 * @param {string} key
 */
export function hasOwnUse(target, key) {
  if (target.matches("input")) return key.startsWith("Arrow") || MOVES.includes(key) || key === " ";
  return target.matches("summary, button, a") && (key === "Enter" || key === " ");
}

/** Whether single letters act, as this browser was told. */
export function lettersAllowed() {
  return !localStorage.getItem(LETTERS_OFF);
}

/** @param {boolean} allowed */
export function allowLetters(allowed) {
  if (allowed) localStorage.removeItem(LETTERS_OFF);
  else localStorage.setItem(LETTERS_OFF, "yes");
  return allowed;
}

/**
 * Does what a key stands for; returns whether it stands for anything.
 * @param {ScanViewer} viewer
 * @param {KeyboardEvent} event
 * @param {boolean} letters whether single letters act
 */
export function press(viewer, event, letters) {
  const key = keyOf(event);
  if (event.altKey || (!letters && key.length === 1)) return false;
  const found = BINDINGS.find((each) => each.keys.includes(key) && (each.now?.(viewer) ?? true));
  if (!found) return false;
  event.preventDefault();
  found.act(viewer, key);
  return true;
}

/** @param {ScanViewer} viewer */
export function showHelp(viewer) {
  fillHelp(viewer, viewer.find("[data-keys]"));
  /** @type {HTMLInputElement} */ (viewer.find("[data-single]")).checked = viewer.letters;
  /** @type {HTMLDialogElement} */ (viewer.find("[data-help]")).showModal();
}

/**
 * @param {ScanViewer} viewer
 * @param {HTMLElement} place
 */
function fillHelp(viewer, place) {
  const groups = new Map(
    ["Slices", "Planes", "Picture", "Measuring"].map((name) => [name, document.createElement("dl")]),
  );
  for (const each of BINDINGS) {
    if (each.offered && !each.offered(viewer)) continue;
    const term = document.createElement("dt");
    term.textContent = each.shown;
    term.dataset.keys = each.keys.join(" ");
    const told = document.createElement("dd");
    told.textContent = each.says;
    groups.get(each.group)?.append(term, told);
  }
  place.replaceChildren();
  for (const [name, list] of groups) {
    if (!list.childElementCount) continue;
    const part = document.createElement("section");
    const head = document.createElement("h3");
    head.textContent = name;
    part.append(head, list);
    place.append(part);
  }
}
