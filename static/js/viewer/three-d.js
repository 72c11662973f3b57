// The volume in three dimensions, by NiiVue, only when somebody asks: half a second of download that reading never
// waits for. It has its own canvas in its own dialog; without WebGL, or when the context is lost, it says so.

import { Niivue, NVImage, SLICE_TYPE } from "../../vendor/niivue/niivue.js";

/** @typedef {import("./volume.js").Pair} Pair */
/** @typedef {import("./volume.js").Volume} Volume */

const HEADER = 352;
const TURN = 15;
const NO_WEBGL = "3-D needs WebGL 2, which this browser does not offer. Reading goes on without it.";
const LOST = "The browser has taken the 3-D picture away. Close this and open it again; reading goes on without it.";
const NO_PLANES = "3-D needs the distance between slices and the orientation, and this file does not give both.";

/** The view that is open; closing it gives its memory back. */
export class ThreeD {
  /** @type {Niivue|null} */
  nv = null;
  azimuth = 200;
  elevation = 15;
  depth = 2;

  /**
   * @param {HTMLElement} place a <dialog>
   * @param {Volume} volume
   * @param {Pair} window
   */
  static open(place, volume, window) {
    return new ThreeD(/** @type {HTMLDialogElement} */ (place)).start(volume, window);
  }

  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.canvas = document.createElement("canvas");
    this.said = document.createElement("p");
    this.said.className = "said";
    this.said.setAttribute("role", "status");
    this.canvas.setAttribute("aria-label", "The head in three dimensions");
    this.canvas.setAttribute("role", "img");
    const room = document.createElement("div");
    room.className = "room";
    room.append(this.canvas, this.said);
    dialog.replaceChildren(this.head(), room);
    dialog.addEventListener("close", () => this.end(), { once: true });
  }

  /** Title, buttons and the cut: nothing needs dragging. */
  head() {
    const head = document.createElement("div");
    head.className = "head tools";
    const title = document.createElement("h2");
    title.textContent = "3-D";
    head.append(title);
    for (const [label, text, across, up] of /** @type {const} */ ([
      ["Turn left", "←", -TURN, 0],
      ["Turn right", "→", TURN, 0],
      ["Turn up", "↑", 0, TURN],
      ["Turn down", "↓", 0, -TURN],
    ])) {
      const button = made("button", "tool", text);
      button.setAttribute("type", "button");
      button.setAttribute("aria-label", label);
      button.addEventListener("click", () => this.turn(across, up));
      head.append(button);
    }
    const label = made("label", "", "Cut");
    const cut = /** @type {HTMLInputElement} */ (made("input", "slider", ""));
    for (const [name, value] of Object.entries({ type: "range", min: "0", max: "100", value: "0" })) {
      cut.setAttribute(name, value);
    }
    cut.addEventListener("input", () => this.cut(Number(cut.value) / 100));
    label.append(cut);
    const close = made("button", "tool push", "Close");
    close.setAttribute("type", "button");
    close.addEventListener("click", () => this.dialog.close());
    head.append(label, close);
    return head;
  }

  /**
   * @param {Volume} volume
   * @param {Pair} window
   */
  async start(volume, window) {
    this.dialog.showModal();
    if (volume.geometry.planes.length < 3) return this.say(NO_PLANES);
    // Asked on a canvas of its own: the one below must stay untouched until it is known to work.
    if (!document.createElement("canvas").getContext("webgl2")) return this.say(NO_WEBGL);
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.say(LOST);
    });
    this.say("Preparing the 3-D picture.");
    try {
      const nv = new Niivue({
        isRadiologicalConvention: true,
        isOrientCube: true,
        show3Dcrosshair: false,
        crosshairWidth: 0,
        dragAndDropEnabled: false,
        loadingText: "",
        logLevel: "error",
        backColor: [0, 0, 0, 1],
        sliceType: SLICE_TYPE.RENDER,
        clipPlaneColor: [0, 0, 0, 0],
      });
      this.nv = nv;
      await nv.attachToCanvas(this.canvas);
      nv.addColormap("mark", { R: [0, 255], G: [0, 138], B: [0, 61], A: [0, 190], I: [0, 255] });
      const head = await NVImage.new(nifti(volume, volume.data), "head.nii", "gray", 1);
      const { slope, intercept } = volume.geometry;
      head.cal_min = window[0] * slope + intercept;
      head.cal_max = window[1] * slope + intercept;
      nv.addVolume(head);
      if (volume.mask) {
        const outlined = volume.mask.map((lesion) => (lesion ? 1 : 0));
        nv.addVolume(await NVImage.new(nifti(volume, outlined, true), "outline.nii", "mark", 1));
      }
      nv.setSliceType(SLICE_TYPE.RENDER);
      this.turn(0, 0);
      this.say("Drag or use the arrows to turn. What is outlined shows where the head is cut.");
      this.canvas.dataset.drawn = "yes";
    } catch (error) {
      this.say("The 3-D picture could not be made. Reading goes on without it.");
      console.error(error);
    }
  }

  /**
   * @param {number} across
   * @param {number} up
   */
  turn(across, up) {
    this.azimuth = (this.azimuth + across + 360) % 360;
    this.elevation = Math.min(Math.max(this.elevation + up, -90), 90);
    this.nv?.setRenderAzimuthElevation(this.azimuth, this.elevation);
  }

  /**
   * Takes the front of the head away, as it is seen now.
   * @param {number} share
   */
  cut(share) {
    this.nv?.setClipPlane(share === 0 ? [2, 0, 0] : [0.6 - share, this.azimuth + 180, -this.elevation]);
  }

  /** @param {string} sentence */
  say(sentence) {
    this.said.textContent = sentence;
  }

  end() {
    const { nv } = this;
    this.nv = null;
    this.dialog.replaceChildren();
    if (!nv) return;
    try {
      nv.cleanup();
      nv.gl.getExtension("WEBGL_lose_context")?.loseContext();
    } catch {
      // The context was gone already.
    }
  }
}

/**
 * The voxels as a NIfTI file in memory: x to the patient's left, y to the back, z to the head, oblique where they are.
 * @param {Volume} volume
 * @param {Uint8Array|Int16Array} data
 * @param {boolean} [mask]
 * @returns {ArrayBuffer}
 */
function nifti({ geometry }, data, mask = false) {
  const wide = data instanceof Int16Array;
  const file = new ArrayBuffer(HEADER + data.byteLength);
  const view = new DataView(file);
  const spacing = (geometry.spacing ?? [1, 1, 1]).map((each) => each ?? 1);
  view.setInt32(0, 348, true);
  for (const [at, size] of [3, ...geometry.dims, 1, 1, 1, 1].entries()) view.setInt16(40 + 2 * at, size, true);
  view.setInt16(70, wide ? 4 : 2, true);
  view.setInt16(72, wide ? 16 : 8, true);
  for (const [at, size] of [1, ...spacing].entries()) view.setFloat32(76 + 4 * at, size, true);
  view.setFloat32(108, HEADER, true);
  view.setFloat32(112, mask ? 1 : geometry.slope, true);
  view.setFloat32(116, mask ? 0 : geometry.intercept, true);
  view.setUint8(123, 2); // millimetres
  view.setInt16(254, 1, true); // sform: scanner
  // Towards the right, the front and the head, as NIfTI counts; the middle of the volume is the origin.
  const directions = geometry.directions ?? [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ];
  const rows = [-1, -1, 1].map((sign, world) => {
    const steps = directions.map((direction, axis) => sign * (direction[world] ?? 0) * (spacing[axis] ?? 1));
    const half = steps.reduce((sum, step, axis) => sum + (step * ((geometry.dims[axis] ?? 1) - 1)) / 2, 0);
    return [...steps, -half];
  });
  for (const [at, value] of rows.flat().entries()) view.setFloat32(280 + 4 * at, value, true);
  view.setUint32(344, 0x6e2b3100); // n+1
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  new Uint8Array(file, HEADER).set(bytes);
  return file;
}

/**
 * @param {string} name
 * @param {string} classes
 * @param {string} text
 */
function made(name, classes, text) {
  const element = document.createElement(name);
  if (classes) element.className = classes;
  if (text) element.append(text);
  return element;
}
