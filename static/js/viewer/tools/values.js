// What a drawing measures while it is drawn. The server says it again when it is kept (detection/viewer/values.py),
// and its word stands: millimetres only where the file says how large a voxel is.

/** @typedef {"ruler"|"area"|"angle"} Kind */
/** @typedef {[number, number]} Point on the slice, in voxels */

/** @type {Record<Kind, string>} */
export const TITLES = { ruler: "Ruler", area: "Area", angle: "Angle" };
/** @type {Record<Kind, number>} */
export const FEWEST = { ruler: 2, area: 3, angle: 3 };

/**
 * What a measurement is called on the picture and in the list: a, b, ... z, aa. Lesions have numbers, sides have capitals.
 * @param {number} at from 0
 * @returns {string}
 */
export function nameOf(at) {
  const letter = String.fromCharCode(97 + (at % 26));
  return at < 26 ? letter : nameOf(Math.floor(at / 26) - 1) + letter;
}

/**
 * @param {Kind} kind
 * @param {Point[]} points
 * @param {[number, number]|null} mm
 * @returns {string} empty while there are too few points
 */
export function valueText(kind, points, mm) {
  if (points.length < FEWEST[kind]) return "";
  const [across, down] = mm ?? [1, 1];
  const placed = points.map(([x, y]) => /** @type {Point} */ ([x * across, y * down]));
  if (kind === "ruler") return `${rounded(length(placed))} ${mm ? "mm" : "px"}`;
  if (kind === "area") return `${rounded(area(placed))} ${mm ? "mm²" : "px²"}`;
  return `${rounded(angle(placed))}°`;
}

/** @param {number} number */
function rounded(number) {
  return number.toFixed(number < 99.95 ? 1 : 0);
}

/** @param {Point[]} points */
function length([[ax, ay] = [0, 0], [bx, by] = [0, 0]]) {
  return Math.hypot(bx - ax, by - ay);
}

/** @param {Point[]} points */
function area(points) {
  let twice = 0;
  for (const [at, [x, y]] of points.entries()) {
    const [u, v] = points[(at + 1) % points.length] ?? [0, 0];
    twice += x * v - u * y;
  }
  return Math.abs(twice) / 2;
}

/** @param {Point[]} points */
function angle([[ax, ay] = [0, 0], [vx, vy] = [0, 0], [bx, by] = [0, 0]]) {
  const one = [ax - vx, ay - vy];
  const other = [bx - vx, by - vy];
  const [p = 0, q = 0] = one;
  const [r = 0, s = 0] = other;
  return Math.abs((Math.atan2(p * s - q * r, p * r + q * s) * 180) / Math.PI);
}

/**
 * Whether a closed outline crosses itself: then it has no area to tell.
 * @param {Point[]} points
 */
export function crossesItself(points) {
  const count = points.length;
  const end = (/** @type {number} */ at) => /** @type {Point} */ (points[at % count]);
  for (let first = 0; first < count; first += 1) {
    for (let second = first + 2; second < count; second += 1) {
      if ((second + 1) % count === first) continue;
      if (cross(end(first), end(first + 1), end(second), end(second + 1))) return true;
    }
  }
  return false;
}

/**
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 * @param {Point} d
 */
function cross(a, b, c, d) {
  const side = (/** @type {Point} */ p, /** @type {Point} */ q, /** @type {Point} */ r) =>
    (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

/**
 * Fewer points for a freehand outline, none further than `tolerance` voxels from what was drawn (Douglas-Peucker).
 * @param {Point[]} points
 * @param {number} tolerance
 * @returns {Point[]}
 */
export function simplified(points, tolerance) {
  if (points.length < 3) return points;
  const [ax, ay] = /** @type {Point} */ (points[0]);
  const [bx, by] = /** @type {Point} */ (points.at(-1));
  const long = Math.hypot(bx - ax, by - ay);
  let furthest = 0;
  let at = 0;
  for (let each = 1; each < points.length - 1; each += 1) {
    const [x, y] = /** @type {Point} */ (points[each]);
    const away = long ? Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / long : Math.hypot(x - ax, y - ay);
    if (away > furthest) {
      furthest = away;
      at = each;
    }
  }
  if (furthest <= tolerance) return [/** @type {Point} */ (points[0]), /** @type {Point} */ (points.at(-1))];
  return [...simplified(points.slice(0, at + 1), tolerance).slice(0, -1), ...simplified(points.slice(at), tolerance)];
}
