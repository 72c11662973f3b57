// Small pieces of the upload list: elements, icons and previews.

export const PREVIEW = 56;
const SVG = "http://www.w3.org/2000/svg";

/**
 * Draw a small preview where the browser can read the file; a canvas needs no blob: address.
 * @param {File} file
 * @param {HTMLCanvasElement} canvas
 */
export async function draw(file, canvas) {
  const image = await createImageBitmap(file);
  const scale = Math.min(PREVIEW / image.width, PREVIEW / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  canvas.getContext("2d")?.drawImage(image, (PREVIEW - width) / 2, (PREVIEW - height) / 2, width, height);
  image.close();
}

/**
 * @param {string} tag
 * @param {string} [classes]
 * @param {string} [text]
 * @returns {HTMLElement}
 */
export function element(tag, classes = "", text = "") {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  made.textContent = text;
  return made;
}

/**
 * @param {string} sprite
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(sprite, name) {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  icon.append(use);
  return icon;
}
