// What the page's own controls do to a viewer: buttons, sliders, keys, and links that lead to a slice.

import { allowLetters, hasOwnUse, press, showHelp } from "./keyboard.js";
import { sliceOf } from "./strip.js";

/** @typedef {import("../scan-viewer.js").ScanViewer} ScanViewer */
/** @typedef {import("./tools/values.js").Kind} Kind */
/** @typedef {import("./volume.js").PlaneName} PlaneName */
/** @typedef {import("./volume.js").Volume} Volume */

const STEP = 1.25;

/** @type {Record<string, (viewer: ScanViewer) => unknown>} by their `data-act` */
const ACTS = {
  in: (viewer) => viewer.zoom(STEP),
  out: (viewer) => viewer.zoom(1 / STEP),
  fit: (viewer) => viewer.fit(),
  reset: (viewer) => viewer.reset(),
  mask: (viewer) => viewer.toggle("shown"),
  sizes: (viewer) => viewer.toggle("sizes"),
  heat: (viewer) => viewer.toggle("heatShown"),
  help: (viewer) => showHelp(viewer),
  full: (viewer) => viewer.fullScreen(),
  three: (viewer) => viewer.showThree(),
  crosshair: (viewer) => viewer.toggle("crosshair"),
  undo: (viewer) => viewer.measuring.store.undo(),
  redo: (viewer) => viewer.measuring.store.redo(),
  close: (viewer) => viewer.measuring.drafts.finish(),
  leave: (viewer) => viewer.measuring.leave(),
  "3d": (viewer) => viewer.openThreeD(),
};

/** @param {ScanViewer} viewer whose voxels are there */
export function listen(viewer) {
  viewer.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-act]");
    if (button) act(viewer, /** @type {HTMLElement} */ (button).dataset.act ?? "");
  });
  viewer.addEventListener("input", (event) => slide(viewer, /** @type {HTMLInputElement} */ (event.target)));
  viewer.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    const { strip, at } = viewer.page;
    const slice = strip.moved(event, at);
    if (slice !== null) {
      event.preventDefault();
      goAcquired(viewer, slice);
    } else if (!target.closest("dialog") && !hasOwnUse(target, event.key)) press(viewer, event, viewer.letters);
  });
  document.addEventListener("click", (event) => follow(viewer, event));
}

/**
 * @param {ScanViewer} viewer
 * @param {string} what
 */
function act(viewer, what) {
  const [kind = "", name = ""] = what.split(":");
  if (kind === "tool") {
    viewer.measuring.choose(/** @type {Kind} */ (name));
    // Whoever came by keys goes on by keys: arrows and Enter now place points.
    if (viewer.measuring.drafts.kind) viewer.stage.focus({ preventScroll: true });
  }
  if (kind === "plane") viewer.showPlane(/** @type {PlaneName} */ (name));
  else ACTS[what]?.(viewer);
}

/**
 * @param {ScanViewer} viewer
 * @param {HTMLInputElement} input
 */
function slide(viewer, input) {
  if (input.matches("[data-opacity]")) dim(viewer, input.value);
  if (input.matches("[data-heat-opacity]")) viewer.scene.heatOpacity = Number(input.value) / 100;
  if (input.matches("[data-slider]")) viewer.go(Number(input.value) - 1);
  if (input.matches("[data-single]")) viewer.letters = allowLetters(input.checked);
  viewer.redraw();
}

/**
 * @param {ScanViewer} viewer
 * @param {string} percent of the mask; its slider stands twice, in the row and behind the narrow viewer's button
 */
function dim(viewer, percent) {
  viewer.scene.opacity = Number(percent) / 100;
  for (const input of viewer.querySelectorAll("[data-opacity]")) {
    /** @type {HTMLInputElement} */ (input).value = percent;
  }
}

/**
 * To a slice of the plane that was acquired, which is the one that the page numbers.
 * @param {ScanViewer} viewer
 * @param {number} index
 */
function goAcquired(viewer, index) {
  viewer.showPlane(/** @type {Volume} */ (viewer.volume).geometry.acquired, viewer.layout);
  viewer.go(index);
}

/**
 * A link of this page to a slice, wherever it stands, moves the viewer and loads nothing.
 * @param {ScanViewer} viewer
 * @param {MouseEvent} event
 */
function follow(viewer, event) {
  const index = sliceOf(event, Math.max(viewer.page.strip.links.length, 1));
  if (index === null) return;
  event.preventDefault();
  const target = /** @type {Element} */ (event.target);
  const lesion = Number(target.closest("[data-picks]")?.getAttribute("data-picks"));
  if (lesion) viewer.select(lesion);
  goAcquired(viewer, index);
  if (!viewer.contains(target)) viewer.stage.focus();
}
