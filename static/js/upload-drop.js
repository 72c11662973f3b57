// <upload-drop>: files by drag and drop, picker or folder, a row and a progress bar for each file or folder, sent as one form.
// Without script the form inside works by itself.

import { draw, element, icon, PREVIEW } from "./upload/drawn.js";
import { filesOf, OTHER, PICTURE, SKIPPED, sizeOf } from "./upload/files.js";

const MB = 1024 * 1024;
/** Files chosen together beyond this share a row. */
const MOST_ROWS = 12;

/**
 * A file and the number of the folder that it came from; null for one chosen by itself.
 * @typedef {{file: File, folder: number | null}} Item
 * @typedef {{items: Item[], bytes: number, row: HTMLLIElement, bar: HTMLProgressElement, note: HTMLElement, bad: string}} Entry
 */

class UploadDrop extends HTMLElement {
  /** @type {Entry[]} */
  entries = [];
  /** Why nothing can be sent yet; empty when it can. */
  blocked = "";
  busy = false;
  /** The next folder's number. */
  folders = 0;
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
      const files = [...(this.folder.files ?? [])];
      this.folder.value = "";
      this.addFolder(files.map((file) => ({ file, path: file.webkitRelativePath || file.name })));
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
      const loose = [...transfer.files];
      if (!entries.some((entry) => entry?.isDirectory)) return this.add(loose);
      for (const entry of entries) {
        const found = await filesOf(/** @type {FileSystemEntry} */ (entry));
        if (entry?.isDirectory) this.addFolder(found);
        else this.add(found.map(({ file }) => file));
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
    const shown = files.filter((file) => !file.name.startsWith("."));
    const items = shown.map((file) => ({ file, folder: null }));
    if (items.length > MOST_ROWS) this.addMany(items);
    else this.addEach(items);
    this.refresh();
  }

  /**
   * A row for each.
   * @param {Item[]} items
   */
  addEach(items) {
    for (const item of items) this.entries.push(this.entry([item], item.file.name));
  }

  /**
   * One row for all that can be sent. What is no image by its name stays here, as of a folder; whatever else is wrong has
   * rows of its own, so that removing it leaves the others.
   * @param {Item[]} items
   */
  addMany(items) {
    const images = items.filter(({ file }) => !OTHER.test(file.name));
    const wrong = images.filter((item) => this.fault([item]));
    const sound = images.filter((item) => !wrong.includes(item));
    if (sound.length || !wrong.length)
      this.entries.push(
        this.entry(sound, counted(sound.length || items.length), leftOut(items.length - images.length)),
      );
    if (wrong.length > MOST_ROWS) this.entries.push(this.entry(wrong, counted(wrong.length)));
    else this.addEach(wrong);
  }

  /**
   * A folder is one row. What is no image by its name stays here; each folder within it has its own number.
   * @param {{file: File, path: string}[]} files
   */
  addFolder(files) {
    const wanted = files.filter(({ file, path }) => file.size && !SKIPPED.test(path) && !OTHER.test(file.name));
    const numbers = new Map();
    const items = wanted.map(({ file, path }) => {
      const parent = path.slice(0, path.lastIndexOf("/") + 1);
      if (!numbers.has(parent)) numbers.set(parent, this.folders++);
      return { file, folder: numbers.get(parent) };
    });
    const name = files[0]?.path.replace(/^\//, "").split("/")[0] ?? "";
    if (items.some(({ file }) => PICTURE.test(file.name))) this.series.checked = true;
    this.entries.push(this.entry(items, name, leftOut(files.length - items.length)));
    this.refresh();
  }

  /**
   * @param {Item[]} items
   * @param {string} name
   * @param {string} [more]
   * @returns {Entry}
   */
  entry(items, name, more = "") {
    const bytes = items.reduce((sum, { file }) => sum + file.size, 0);
    const several = items.length !== 1 || items[0]?.folder !== null;
    const row = document.createElement("li");
    const thumb = element("span", "thumb");
    const words = element("div");
    const count = counted(items.length);
    const size = several && name !== count ? `${count}, ${sizeOf(bytes)}` : sizeOf(bytes);
    words.append(element("span", "name", name), element("small", "", more ? `${size}. ${more}` : size));
    const going = element("div", "pg");
    const bar = document.createElement("progress");
    bar.className = "bar";
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", `Upload of ${name}`);
    const note = element("small", "", "Ready");
    going.append(bar, note);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn quiet icon-only";
    remove.setAttribute("aria-label", `Remove ${name}`);
    remove.append(icon(this.sprite, "trash"));
    row.append(thumb, words, going, remove);
    const entry = { items, bytes, row, bar, note, bad: this.fault(items) };
    remove.addEventListener("click", () => {
      this.entries = this.entries.filter((each) => each !== entry);
      row.remove();
      this.refresh();
      this.input.focus();
    });
    if (entry.bad) {
      row.classList.add("bad");
      thumb.classList.add("none");
      thumb.replaceChildren(icon(this.sprite, "failed"));
      words.append(element("span", "err", entry.bad));
      note.textContent = "Not uploaded";
    } else {
      this.preview(items, thumb);
    }
    this.list.append(row);
    return entry;
  }

  /**
   * A small picture where the browser can read one, else a sign for layers.
   * @param {Item[]} items
   * @param {HTMLElement} thumb
   */
  preview(items, thumb) {
    const picture = items.find(({ file }) => PICTURE.test(file.name));
    if (!picture) return thumb.replaceChildren(icon(this.sprite, "layers"));
    const canvas = document.createElement("canvas");
    canvas.width = PREVIEW;
    canvas.height = PREVIEW;
    thumb.replaceChildren(canvas);
    draw(picture.file, canvas).catch(() => thumb.replaceChildren(icon(this.sprite, "layers")));
  }

  /**
   * What is wrong with the files of a row, as far as names and lengths tell; the server looks inside.
   * @param {Item[]} items
   * @returns {string}
   */
  fault(items) {
    if (!items.length) return "There is no image in it. Remove it to go on.";
    for (const { file } of items) {
      const which = items.length > 1 ? `${file.name}: ` : "";
      if (!file.size) return `${which}The file is empty. Remove it to go on.`;
      if (OTHER.test(file.name)) return `${which}This is not an image that is read here. Remove it to go on.`;
      if (file.size > Number(this.dataset.maxMb) * MB)
        return `${which}Larger than ${this.dataset.maxMb}\u00a0MB. Remove it to go on.`;
    }
    return "";
  }

  /** @returns {Item[]} */
  items() {
    return this.entries.flatMap((entry) => entry.items);
  }

  refresh() {
    const entries = this.entries;
    // What the last try was told is about another list.
    this.alert().hidden = true;
    this.list.hidden = !entries.length;
    const bad = entries.filter((entry) => entry.bad).length;
    const total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    const count = this.items().length;
    let why = bad ? `Remove ${bad === 1 ? "1 row" : `${bad} rows`} first.` : "";
    if (count > Number(this.dataset.maxFiles)) why = `At most ${this.dataset.maxFiles} files at once.`;
    if (total > Number(this.dataset.maxTotalMb) * MB) why = `At most ${this.dataset.maxTotalMb} MB at once.`;
    this.blocked = why;
    this.note.textContent = why || (count ? `${counted(count)}, ${sizeOf(total)}` : "");
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
    const items = this.items();
    for (const { file } of items) body.append("files", file, file.name);
    if (items.some(({ folder }) => folder !== null)) {
      body.append("folders", items.map(({ folder }) => folder ?? "").join(","));
    }
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
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    const sent = total ? (loaded / total) * bytes : 0;
    let before = 0;
    for (const { bytes: size, bar, note } of entries) {
      const share = Math.min(Math.max((sent - before) / (size || 1), 0), 1);
      bar.value = Math.round(share * 100);
      note.textContent = share >= 1 ? "Uploaded" : share > 0 ? `${sizeOf(share * size)} of ${sizeOf(size)}` : "Waiting";
      bar.classList.toggle("done", share >= 1);
      before += size;
    }
  }

  checking() {
    for (const { note, bar } of this.entries) {
      bar.value = 100;
      note.textContent = "Uploaded. Names are being removed";
    }
  }

  /** @param {XMLHttpRequest} request */
  answered(request) {
    try {
      const answer = JSON.parse(request.responseText);
      if (request.status === 201) return location.assign(answer.location);
      if (typeof answer.index === "number") this.rowOf(answer.index)?.classList.add("bad");
      return this.complain(answer.errors);
    } catch {
      if (request.status === 403)
        return this.complain({ files: "You are signed out, or this page is too old. Load it again." });
      return this.complain({ files: "The server could not take this upload, and nothing was kept. Try again." });
    }
  }

  /**
   * The row of the nth file that was sent.
   * @param {number} index
   * @returns {HTMLLIElement | undefined}
   */
  rowOf(index) {
    const item = this.items()[index];
    return this.entries.find((entry) => item && entry.items.includes(item))?.row;
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
      if (!(field instanceof HTMLElement)) continue;
      if (name in errors) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
    const alert = this.alert();
    const sentence = alert.querySelector("p");
    if (sentence) sentence.textContent = Object.values(errors).join(" ");
    alert.hidden = false;
    /** @type {HTMLElement} */ (this.form.querySelector("[aria-invalid]") ?? alert).focus();
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
}

/** @param {number} files */
function counted(files) {
  return `${files} ${files === 1 ? "file" : "files"}`;
}

/** @param {number} files */
function leftOut(files) {
  return files ? `${files} left out: ${files === 1 ? "no image" : "no images"}` : "";
}

customElements.define("upload-drop", UploadDrop);

export { UploadDrop };
