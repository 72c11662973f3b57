// From a slice of the mask to its outline as an SVG path: the same walk as ml/imaging/outlines.py, in any plane.

// East, south, west, north: steps from corner to corner with the mask on the right hand (y grows downwards).
const DX = [1, 0, -1, 0];
const DY = [0, 1, 0, -1];

/**
 * Closed polygons through the middles of the boundary's pixel edges; fill with `evenodd`.
 * @param {Uint8Array} mask width x height, above 0 is inside
 * @param {number} width
 * @param {number} height
 */
export function outline(mask, width, height) {
  const across = width + 1;
  // Four bits a corner: boundary edges that leave it, by heading.
  const edges = new Uint8Array(across * (height + 1));
  const inside = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] !== 0;
  /** @type {number[]} */
  const starts = [];
  const add = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ heading) => {
    const corner = y * across + x;
    if (!edges[corner]) starts.push(corner);
    edges[corner] = (edges[corner] ?? 0) | (1 << heading);
  };
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      if (!mask[at]) continue;
      if (!inside(x, y - 1)) add(x, y, 0);
      if (!inside(x + 1, y)) add(x + 1, y, 1);
      if (!inside(x, y + 1)) add(x + 1, y + 1, 2);
      if (!inside(x - 1, y)) add(x, y + 1, 3);
    }
  }
  let path = "";
  for (const start of starts) while (edges[start]) path += walk(edges, start, across);
  return path;
}

/**
 * Follows one boundary round, taking its edges out.
 * @param {Uint8Array} edges
 * @param {number} start
 * @param {number} across
 */
function walk(edges, start, across) {
  let corner = start;
  let heading = [0, 1, 2, 3].find((each) => (edges[corner] ?? 0) & (1 << each)) ?? 0;
  const first = heading;
  /** @type {number[][]} */
  const points = [];
  for (;;) {
    edges[corner] = (edges[corner] ?? 0) & ~(1 << heading);
    const x = corner % across;
    const y = (corner - x) / across;
    points.push([x + (DX[heading] ?? 0) / 2, y + (DY[heading] ?? 0) / 2]);
    corner += (DX[heading] ?? 0) + (DY[heading] ?? 0) * across;
    // Sharpest right turn first, so that pixels that touch by a corner stay apart.
    const left = (edges[corner] ?? 0) | (corner === start ? 1 << first : 0);
    const next = [1, 0, 3].map((turn) => (heading + turn) % 4).find((each) => left & (1 << each));
    if (next === undefined) return "";
    heading = next;
    if (corner === start && heading === first) break;
  }
  const kept = points.filter(([x = 0, y = 0], at) => {
    const [px = 0, py = 0] = points[(at + points.length - 1) % points.length] ?? [];
    const [nx = 0, ny = 0] = points[(at + 1) % points.length] ?? [];
    return (x - px) * (ny - y) !== (y - py) * (nx - x);
  });
  return `M${kept.map((point) => point.join(" ")).join("L")}Z`;
}
