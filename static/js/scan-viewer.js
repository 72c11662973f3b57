// <scan-viewer>: our own 2-D reading engine. One view (centre and zoom) drives a canvas (picture through a
// look-up table, mask nearest-neighbour) and an SVG (outline) above it; one redraw an animation frame.

const LARGEST_ZOOM = 12;
const STEP = 1.25;
const MARK = { red: 255, green: 138, blue: 61 };
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {{image: HTMLImageElement, mask: HTMLCanvasElement, pixels: ImageData}} Loaded */

class ScanViewer extends HTMLElement {
  rows = Number(this.dataset.rows);
  columns = Number(this.dataset.columns);
  /** @type {number} the slice shown, from 0 */
  index = Number(this.dataset.index);
  count = Number(this.dataset.count);
  /** @type {Map<number, Promise<Loaded>>} */
  cache = new Map();
  /** @type {Loaded|null} */
  loaded = null;
  shown = true;
  opacity = 0.3;
  width = 255;
  level = 127.5;
  zoom = 1;
  /** The picture pixel in the middle of the stage. */
  centreX = this.columns / 2;
  centreY = this.rows / 2;
  single = true;
  waiting = 0;
  stage = /** @type {HTMLElement} */ (this.querySelector("[data-stage]"));
  svg = /** @type {SVGSVGElement} */ (this.querySelector("[data-svg]"));
  marks = /** @type {SVGGElement} */ (this.querySelector("[data-marks]"));
  links = /** @type {HTMLAnchorElement[]} */ ([...this.querySelectorAll(".slices a")]);
  canvas = document.createElement("canvas");
  source = document.createElement("canvas");

  connectedCallback() {
    this.canvas.className = "pixels";
    this.stage.insertBefore(this.canvas, this.svg);
    this.source.width = this.columns;
    this.source.height = this.rows;
    for (const part of this.querySelectorAll("[data-tools], [data-slider]")) part.removeAttribute("hidden");
    this.listen();
    new ResizeObserver(() => this.redraw()).observe(this.stage);
    this.reveal(this.links[this.index]);
    this.load(this.index);
  }

  listen() {
    this.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      const button = /** @type {HTMLElement|null} */ (target.closest("[data-act]"));
      if (button) return this.act(button.dataset.act ?? "");
      const preset = /** @type {HTMLElement|null} */ (target.closest("[data-preset]"));
      if (preset) {
        const [width = 255, level = 127.5] = (preset.dataset.preset ?? "").split(",").map(Number);
        return this.window(width, level);
      }
      const link = /** @type {HTMLAnchorElement|null} */ (target.closest(".slices a"));
      if (link && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        this.go(this.links.indexOf(link));
      }
    });
    this.addEventListener("input", (event) => {
      const input = /** @type {HTMLInputElement} */ (event.target);
      if (input.matches("[data-opacity]")) this.opacity = Number(input.value) / 100;
      if (input.matches("[data-width]")) this.width = Number(input.value);
      if (input.matches("[data-level]")) this.level = Number(input.value);
      if (input.matches("[data-slider]")) this.go(Number(input.value) - 1);
      if (input.matches("[data-single]")) this.single = input.checked;
      this.redraw();
    });
    this.addEventListener("keydown", (event) => this.key(event));
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.listenToPointers();
  }

  /** One finger or the mouse moves a zoomed picture; two fingers zoom. */
  listenToPointers() {
    /** @type {Map<number, PointerEvent>} */
    const down = new Map();
    let spread = 0;
    this.stage.addEventListener("pointerdown", (event) => {
      down.set(event.pointerId, event);
      if (this.zoom !== 1) this.stage.setPointerCapture(event.pointerId);
    });
    this.stage.addEventListener("pointermove", (event) => {
      const before = down.get(event.pointerId);
      if (!before) return;
      down.set(event.pointerId, event);
      if (down.size === 2) {
        const [a, b] = [...down.values()];
        if (!a || !b) return;
        const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        if (spread) this.scale(now / spread);
        spread = now;
      } else if (this.zoom !== 1) {
        const unit = this.unit();
        this.move((before.clientX - event.clientX) / unit, (before.clientY - event.clientY) / unit);
      }
    });
    for (const kind of ["pointerup", "pointercancel", "pointerleave"]) {
      this.stage.addEventListener(kind, (event) => {
        down.delete(/** @type {PointerEvent} */ (event).pointerId);
        spread = 0;
      });
    }
  }

  /** @param {string} what */
  act(what) {
    if (what === "in") this.scale(STEP);
    if (what === "out") this.scale(1 / STEP);
    if (what === "fit") this.fit();
    if (what === "mask") this.toggle();
    if (what === "help") /** @type {HTMLDialogElement|null} */ (this.querySelector("[data-help]"))?.showModal();
    if (what === "full") {
      if (document.fullscreenElement) document.exitFullscreen();
      else this.querySelector(".viewer")?.requestFullscreen?.();
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input[type=range], dialog")) return;
    const step = this.columns / 20;
    /** @type {Record<string, () => void>} */
    const moves = {
      ArrowLeft: () => this.move(-step, 0),
      ArrowRight: () => this.move(step, 0),
      ArrowUp: () => this.move(0, -step),
      ArrowDown: () => this.move(0, step),
    };
    /** @type {Record<string, () => void>} */
    const letters = {
      o: () => this.toggle(),
      j: () => this.go(this.index + 1),
      k: () => this.go(this.index - 1),
      r: () => this.reset(),
      "+": () => this.scale(STEP),
      "=": () => this.scale(STEP),
      "-": () => this.scale(1 / STEP),
      0: () => this.fit(),
      "?": () => this.act("help"),
    };
    /** @type {Record<string, () => void>} */
    const others =
      this.count > 1
        ? {
            ArrowLeft: () => this.go(this.index - 1),
            ArrowUp: () => this.go(this.index - 1),
            ArrowRight: () => this.go(this.index + 1),
            ArrowDown: () => this.go(this.index + 1),
            PageUp: () => this.go(this.index - 5),
            PageDown: () => this.go(this.index + 5),
            Home: () => this.go(0),
            End: () => this.go(this.count - 1),
          }
        : {};
    const act =
      (event.shiftKey && moves[event.key]) || others[event.key] || (this.single && letters[event.key.toLowerCase()]);
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (event.ctrlKey) {
      event.preventDefault();
      return this.scale(event.deltaY < 0 ? STEP : 1 / STEP);
    }
    const next = this.index + Math.sign(event.deltaY);
    // At either end the page scrolls on, so that nobody is caught here.
    if (this.count < 2 || next < 0 || next >= this.count) return;
    event.preventDefault();
    this.go(next);
  }

  toggle() {
    this.shown = !this.shown;
    this.querySelector("[data-act=mask]")?.setAttribute("aria-pressed", String(this.shown));
    this.say(this.shown ? "Outline on" : "Outline off");
    this.redraw();
  }

  reset() {
    this.window(255, 127.5);
    this.fit();
  }

  fit() {
    this.zoom = 1;
    this.centreX = this.columns / 2;
    this.centreY = this.rows / 2;
    this.redraw();
  }

  /**
   * @param {number} width
   * @param {number} level
   */
  window(width, level) {
    this.width = width;
    this.level = level;
    /** @type {HTMLInputElement} */ (this.querySelector("[data-width]")).value = String(width);
    /** @type {HTMLInputElement} */ (this.querySelector("[data-level]")).value = String(Math.round(level));
    this.redraw();
  }

  /** @param {number} factor */
  scale(factor) {
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), LARGEST_ZOOM);
    if (this.zoom < 1.02) this.zoom = 1;
    this.move(0, 0);
  }

  /**
   * @param {number} across picture pixels
   * @param {number} down picture pixels
   */
  move(across, down) {
    const slack = 1 - 1 / this.zoom;
    const keep = (/** @type {number} */ at, /** @type {number} */ size) =>
      Math.min(Math.max(at, (size / 2) * (1 - slack)), (size / 2) * (1 + slack));
    this.centreX = keep(this.centreX + across, this.columns);
    this.centreY = keep(this.centreY + down, this.rows);
    this.redraw();
  }

  /** @param {number} index */
  go(index) {
    const next = Math.min(Math.max(index, 0), this.count - 1);
    if (next === this.index) return;
    this.links[this.index]?.removeAttribute("aria-current");
    this.index = next;
    const link = this.links[next];
    link?.setAttribute("aria-current", "true");
    this.reveal(link);
    const text = `Slice ${next + 1} of ${this.count}`;
    const { chance = "", area = "", paths = "" } = link?.dataset ?? {};
    this.write("[data-where]", text);
    this.write("[data-chance]", chance);
    this.write("[data-area]", area || "Nothing outlined");
    this.stage.setAttribute(
      "aria-label",
      `${text}, tumour probability ${chance}, ${area ? `${area} outlined` : "nothing outlined"}`,
    );
    const slider = /** @type {HTMLInputElement|null} */ (this.querySelector("[data-slider]"));
    if (slider) slider.value = String(next + 1);
    this.outline(paths);
    this.say(`${text}, ${chance}`);
    history.replaceState(null, "", `?slice=${next + 1}`);
    this.load(next);
  }

  /**
   * Bring a slice's link into the middle of the strip; the page itself does not move.
   * @param {HTMLAnchorElement|undefined} link
   */
  reveal(link) {
    const strip = link?.parentElement;
    if (link && strip) strip.scrollLeft = link.offsetLeft - (strip.clientWidth - link.offsetWidth) / 2;
  }

  /** @param {string} paths */
  outline(paths) {
    this.marks.replaceChildren();
    if (!paths) return;
    for (const kind of ["mk-h", "mk"]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", kind);
      path.setAttribute("d", paths);
      this.marks.append(path);
    }
  }

  /** @param {number} index */
  async load(index) {
    try {
      const loaded = await this.fetchSlice(index);
      if (index !== this.index) return;
      this.loaded = loaded;
      this.classList.add("is-live");
      this.redraw();
      for (const near of [index + 1, index - 1])
        if (near >= 0 && near < this.count) this.fetchSlice(near).catch(() => {});
    } catch {
      this.write("[data-area]", "This slice could not be loaded. Load the page again.");
    }
  }

  /**
   * @param {number} index
   * @returns {Promise<Loaded>}
   */
  fetchSlice(index) {
    const known = this.cache.get(index);
    if (known) return known;
    const address = (/** @type {string} */ name) =>
      `${this.dataset.base}slices/${index}/${name}.png?run=${this.dataset.run}`;
    const made = Promise.all([picture(address("image")), picture(address("mask"))]).then(([image, mask]) => ({
      image,
      mask: tinted(mask),
      pixels: pixelsOf(image),
    }));
    made.catch(() => this.cache.delete(index));
    this.cache.set(index, made);
    if (this.cache.size > 48) this.cache.delete(/** @type {number} */ (this.cache.keys().next().value));
    return made;
  }

  /** @returns {number} screen pixels for one picture pixel */
  unit() {
    const box = this.stage.getBoundingClientRect();
    return Math.min(box.width / this.columns, box.height / this.rows) * this.zoom;
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.draw();
    });
  }

  draw() {
    const { loaded, stage, canvas, svg, source } = this;
    if (!loaded) return;
    const box = stage.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const dense = window.devicePixelRatio || 1;
    canvas.width = Math.round(box.width * dense);
    canvas.height = Math.round(box.height * dense);
    const unit = this.unit();
    const left = this.centreX - box.width / unit / 2;
    const top = this.centreY - box.height / unit / 2;
    svg.setAttribute("viewBox", `${left} ${top} ${box.width / unit} ${box.height / unit}`);
    this.marks.setAttribute("visibility", this.shown ? "visible" : "hidden");
    source.getContext("2d")?.putImageData(this.throughWindow(loaded.pixels), 0, 0);
    const context = canvas.getContext("2d");
    if (!context) return;
    context.setTransform(unit * dense, 0, 0, unit * dense, -left * unit * dense, -top * unit * dense);
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0);
    if (this.shown && this.opacity) {
      context.imageSmoothingEnabled = false;
      context.globalAlpha = this.opacity;
      context.drawImage(loaded.mask, 0, 0);
      context.globalAlpha = 1;
    }
    this.write("[data-zoom]", `${Math.round(this.zoom * 100)}%`);
    stage.classList.toggle("is-zoomed", this.zoom !== 1);
    this.ruler(unit);
  }

  /**
   * @param {ImageData} pixels
   * @returns {ImageData}
   */
  throughWindow(pixels) {
    if (this.width === 255 && Math.abs(this.level - 127.5) < 1) return pixels;
    const table = new Uint8ClampedArray(256);
    for (let value = 0; value < 256; value += 1) table[value] = ((value - this.level) / this.width + 0.5) * 255;
    const out = new ImageData(pixels.width, pixels.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      out.data[at] = table[pixels.data[at] ?? 0] ?? 0;
      out.data[at + 1] = table[pixels.data[at + 1] ?? 0] ?? 0;
      out.data[at + 2] = table[pixels.data[at + 2] ?? 0] ?? 0;
      out.data[at + 3] = 255;
    }
    return out;
  }

  /** @param {number} unit screen pixels for one picture pixel */
  ruler(unit) {
    const place = this.querySelector("[data-scale]");
    const mm = Number(this.dataset.mm);
    if (!place || !mm) return;
    const long = [100, 50, 20, 10, 5].find((each) => (each / mm) * unit < 160) ?? 5;
    const wide = (long / mm) * unit;
    place.textContent = `${long >= 10 ? `${long / 10} cm` : `${long} mm`} across`;
    const bar = document.createElementNS(SVG, "svg");
    bar.setAttribute("class", "sbar-line");
    bar.setAttribute("width", String(wide));
    bar.setAttribute("height", "7");
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", `M.5 0v6.5H${wide - 0.5}V0`);
    bar.append(line);
    place.append(bar);
  }

  /**
   * @param {string} where
   * @param {string} text
   */
  write(where, text) {
    const found = this.querySelector(where);
    if (found) found.textContent = text;
  }

  /** @param {string} text */
  say(text) {
    this.write("[data-announce]", text);
  }
}

/**
 * @param {string} address
 * @returns {Promise<HTMLImageElement>}
 */
async function picture(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/**
 * @param {HTMLImageElement} image
 * @returns {ImageData}
 */
function pixelsOf(image) {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/**
 * The mask as a sheet of the mark's colour, clear where nothing is outlined.
 * @param {HTMLImageElement} mask
 * @returns {HTMLCanvasElement}
 */
function tinted(mask) {
  const pixels = pixelsOf(mask);
  for (let at = 0; at < pixels.data.length; at += 4) {
    pixels.data[at + 3] = pixels.data[at] ?? 0;
    pixels.data[at] = MARK.red;
    pixels.data[at + 1] = MARK.green;
    pixels.data[at + 2] = MARK.blue;
  }
  const sheet = document.createElement("canvas");
  sheet.width = pixels.width;
  sheet.height = pixels.height;
  sheet.getContext("2d")?.putImageData(pixels, 0, 0);
  return sheet;
}

customElements.define("scan-viewer", ScanViewer);

export { ScanViewer };
