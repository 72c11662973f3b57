// <upload-drop>: files by drag and drop, picker or folder, with previews and a progress bar each, sent as one form.
// Without script the form inside works by itself.

const MB = 1024 * 1024;
const PREVIEW = 56;
const KNOWN = /\.(png|jpe?g|tiff?|webp|bmp|nii|nii\.gz)$/i;
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {{file: File, row: HTMLLIElement, bar: HTMLProgressElement, note: HTMLElement, bad: string}} Entry */

class UploadDrop extends HTMLElement {
  /** @type {Entry[]} */
  entries = [];
  /** Why nothing can be sent yet; empty when it can. */
  blocked = "";
  busy = false;
  form = /** @type {HTMLFormElement} */ (this.querySelector("form"));
  input = /** @type {HTMLInputElement} */ (this.querySelector("[data-files]"));
  folder = /** @type {HTMLInputElement} */ (this.querySelector("[data-folder]"));
  list = /** @type {HTMLElement} */ (this.querySelector("[data-list]"));
  button = /** @type {HTMLButtonElement} */ (this.querySelector("[data-submit]"));
  note = /** @type {HTMLElement} */ (this.querySelector("[data-note]"));
  series = /** @type {HTMLInputElement} */ (this.querySelector("[name=as_series]"));
  sprite = this.querySelector("use")?.getAttribute("href")?.split("#")[0] ?? "";

  connectedCallback() {
    for (const part of this.querySelectorAll("[data-enhanced]")) part.removeAttribute("hidden");
    this.input.addEventListener("change", () => this.take(this.input));
    this.folder.addEventListener("change", () => {
      this.series.checked = true;
      this.take(this.folder);
    });
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.listenToDrops();
    const alert = this.alert();
    if (!alert.hidden) alert.focus();
  }

  /** @returns {HTMLElement} */
  alert() {
    return /** @type {HTMLElement} */ (this.querySelector("[data-alert]"));
  }

  listenToDrops() {
    const drop = /** @type {HTMLElement} */ (this.querySelector("[data-drop]"));
    for (const kind of ["dragenter", "dragover"]) {
      drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.add("is-over");
      });
    }
    for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("is-over"));
    drop.addEventListener("drop", async (event) => {
      event.preventDefault();
      const transfer = event.dataTransfer;
      if (!transfer) return;
      const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry);
      if (entries.some((entry) => entry?.isDirectory)) {
        this.series.checked = true;
        for (const entry of entries) this.add(await filesOf(/** @type {FileSystemEntry} */ (entry)));
      } else {
        this.add([...transfer.files]);
      }
    });
  }

  /** @param {HTMLInputElement} input */
  take(input) {
    this.add([...(input.files ?? [])]);
    input.value = "";
  }

  /** @param {File[]} files */
  add(files) {
    for (const file of files) {
      if (file.name.startsWith(".")) continue;
      this.entries.push(this.entry(file));
    }
    this.refresh();
  }

  /**
   * @param {File} file
   * @returns {Entry}
   */
  entry(file) {
    const row = document.createElement("li");
    const thumb = element("span", "thumb");
    const canvas = document.createElement("canvas");
    canvas.width = PREVIEW;
    canvas.height = PREVIEW;
    thumb.append(canvas);
    const words = element("div");
    words.append(element("span", "name", file.name), element("small", "", sizeOf(file.size)));
    const going = element("div", "pg");
    const bar = document.createElement("progress");
    bar.className = "bar";
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", `Upload of ${file.name}`);
    const note = element("small", "", "Ready");
    going.append(bar, note);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn quiet icon-only";
    remove.setAttribute("aria-label", `Remove ${file.name}`);
    remove.append(this.icon("trash"));
    row.append(thumb, words, going, remove);
    const entry = { file, row, bar, note, bad: this.fault(file) };
    remove.addEventListener("click", () => {
      this.entries = this.entries.filter((each) => each !== entry);
      row.remove();
      this.refresh();
      this.input.focus();
    });
    if (entry.bad) {
      row.classList.add("bad");
      thumb.classList.add("none");
      thumb.replaceChildren(this.icon("failed"));
      words.append(element("span", "err", entry.bad));
      note.textContent = "Not uploaded";
    } else {
      preview(file, canvas).catch(() => thumb.replaceChildren(this.icon("layers")));
    }
    this.list.append(row);
    return entry;
  }

  /**
   * What is wrong with a file, as far as its name and length tell; the server looks inside.
   * @param {File} file
   * @returns {string}
   */
  fault(file) {
    if (!file.size) return "The file is empty. Remove it to go on.";
    if (!KNOWN.test(file.name)) return "This is not an image that is read here. Remove it to go on.";
    if (file.size > Number(this.dataset.maxMb) * MB) return `Larger than ${this.dataset.maxMb} MB. Remove it to go on.`;
    return "";
  }

  refresh() {
    const entries = this.entries;
    this.list.hidden = !entries.length;
    const bad = entries.filter((entry) => entry.bad).length;
    const total = entries.reduce((sum, entry) => sum + entry.file.size, 0);
    let why = bad ? `${bad === 1 ? "One file" : `${bad} files`} to remove first.` : "";
    if (entries.length > Number(this.dataset.maxFiles)) why = `At most ${this.dataset.maxFiles} files at once.`;
    if (total > Number(this.dataset.maxTotalMb) * MB) why = `At most ${this.dataset.maxTotalMb} MB at once.`;
    this.blocked = why;
    this.note.textContent =
      why || (entries.length ? `${entries.length === 1 ? "1 file" : `${entries.length} files`}, ${sizeOf(total)}` : "");
    this.note.classList.toggle("err", Boolean(why));
    this.button.setAttribute("aria-disabled", String(Boolean(why)));
  }

  /** @param {SubmitEvent} event */
  submit(event) {
    event.preventDefault();
    if (this.busy) return;
    if (this.blocked) return this.complain({ files: this.blocked });
    if (!this.entries.length) return this.complain({ files: "No file was chosen. Choose at least one." });
    this.send();
  }

  send() {
    const body = new FormData(this.form);
    body.delete("files");
    for (const { file } of this.entries) body.append("files", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", this.form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => this.progress(event.loaded, event.total));
    request.upload.addEventListener("load", () => this.checking());
    request.addEventListener("load", () => this.answered(request));
    request.addEventListener("error", () =>
      this.complain({ files: "The connection broke, so nothing was kept. Send it again." }),
    );
    this.setBusy(true);
    request.send(body);
  }

  /**
   * One body carries all files one after the other: each file's share follows from the bytes before it.
   * @param {number} loaded
   * @param {number} total
   */
  progress(loaded, total) {
    const entries = this.entries;
    const bytes = entries.reduce((sum, entry) => sum + entry.file.size, 0);
    const sent = total ? (loaded / total) * bytes : 0;
    let before = 0;
    for (const { file, bar, note } of entries) {
      const share = Math.min(Math.max((sent - before) / (file.size || 1), 0), 1);
      bar.value = Math.round(share * 100);
      note.textContent =
        share >= 1 ? "Uploaded" : share > 0 ? `${sizeOf(share * file.size)} of ${sizeOf(file.size)}` : "Waiting";
      bar.classList.toggle("done", share >= 1);
      before += file.size;
    }
  }

  checking() {
    for (const { note, bar } of this.entries) {
      bar.value = 100;
      note.textContent = "Uploaded, being checked";
    }
  }

  /** @param {XMLHttpRequest} request */
  answered(request) {
    try {
      const answer = JSON.parse(request.responseText);
      if (request.status === 201) return location.assign(answer.location);
      if (typeof answer.index === "number") this.entries[answer.index]?.row.classList.add("bad");
      return this.complain(answer.errors);
    } catch {
      if (request.status === 403)
        return this.complain({ files: "You are signed out, or this page is too old. Load it again." });
      return this.complain({ files: "The server could not take this upload, and nothing was kept. Try again." });
    }
  }

  /** @param {Record<string, string>} errors */
  complain(errors) {
    this.setBusy(false);
    for (const { bar, note, bad } of this.entries) {
      bar.value = 0;
      if (!bad) note.textContent = "Not uploaded";
    }
    for (const line of this.querySelectorAll("[data-err]")) {
      const name = /** @type {HTMLElement} */ (line).dataset.err ?? "";
      const field = this.form.elements.namedItem(name);
      /** @type {HTMLElement} */ (line).hidden = !(name in errors);
      const text = line.querySelector("span");
      if (text) text.textContent = errors[name] ?? "";
      if (field instanceof HTMLElement) field.toggleAttribute("aria-invalid", name in errors);
    }
    const alert = this.alert();
    const sentence = alert.querySelector("p");
    if (sentence) sentence.textContent = Object.values(errors).join(" ");
    alert.hidden = false;
    alert.focus();
  }

  /** @param {boolean} busy */
  setBusy(busy) {
    this.busy = busy;
    this.button.setAttribute("aria-busy", String(busy));
    const label = this.button.querySelector("span");
    if (label) label.textContent = busy ? "Uploading" : "Upload and analyse";
    for (const button of this.list.querySelectorAll("button")) button.disabled = busy;
    if (busy) this.alert().hidden = true;
  }

  /**
   * @param {string} name
   * @returns {SVGElement}
   */
  icon(name) {
    const icon = document.createElementNS(SVG, "svg");
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `${this.sprite}#${name}`);
    icon.append(use);
    return icon;
  }
}

/**
 * Draw a small preview where the browser can read the file; a canvas needs no blob: address.
 * @param {File} file
 * @param {HTMLCanvasElement} canvas
 */
async function preview(file, canvas) {
  const image = await createImageBitmap(file);
  const scale = Math.min(PREVIEW / image.width, PREVIEW / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  canvas.getContext("2d")?.drawImage(image, (PREVIEW - width) / 2, (PREVIEW - height) / 2, width, height);
  image.close();
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function filesOf(entry) {
  if (entry.isFile) {
    const one = /** @type {FileSystemFileEntry} */ (entry);
    return [await new Promise((resolve, reject) => one.file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return files;
    for (const each of some) files.push(...(await filesOf(each)));
  }
}

/**
 * @param {string} tag
 * @param {string} [classes]
 * @param {string} [text]
 * @returns {HTMLElement}
 */
function element(tag, classes = "", text = "") {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  made.textContent = text;
  return made;
}

/**
 * @param {number} bytes
 * @returns {string}
 */
function sizeOf(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

customElements.define("upload-drop", UploadDrop);

export { UploadDrop };
