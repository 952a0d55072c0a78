import { dot } from "../../core/dot.ts";
import type { Random } from "../../core/random-numbers.ts";
import { best } from "../../core/ranking.ts";

/**
 * Clusters by density peaks among k nearest neighbours (Du et al., "Study on density peaks clustering based
 * on k-nearest neighbors and principal component analysis", 2016), as SparseVLM recycles tokens: dense points
 * far from any denser one are centres; every other point goes to its nearest centre.
 *
 * @param points vectors of one length
 * @param count clusters, at most as many as points
 * @param random adds noise below 1e-6 to the densities, so that equal ones are told apart
 * @returns members of each cluster, ascending, in falling order of the centres' scores; ties: the lower index
 */
export function densityPeaks(points: readonly Float32Array[], count: number, random?: Random): number[][] {
  if (count === 0) return [];
  const scale = Math.sqrt(points[0].length);
  const distances = points.map((a) => Float32Array.from(points, (b) => distance(a, b) / scale));
  const density = Float32Array.from(distances, (row) => {
    const nearest = row.slice().sort().subarray(0, count);
    const meanSquare = nearest.reduce((sum, value) => sum + value * value, 0) / count;
    return Math.exp(-meanSquare) + (random ? random() * 1e-6 : 0);
  });
  const farthest = distances.reduce((most, row) => row.reduce((a, b) => Math.max(a, b), most), 0);
  const scores = Float32Array.from(distances, (row, i) => {
    // How far the nearest denser point is; for the densest, as far as anything.
    const apart = row.reduce((least, value, j) => (density[j] > density[i] ? Math.min(least, value) : least), farthest);
    return apart * density[i];
  });
  const centres = best([...points.keys()], scores, count);
  const clusters: number[][] = centres.map(() => []);
  points.forEach((_, i) => {
    const own = centres.indexOf(i);
    const nearest = centres.reduce(
      (top, centre, c) => (distances[i][centre] < distances[i][centres[top]] ? c : top),
      0,
    );
    clusters[own >= 0 ? own : nearest].push(i);
  });
  return clusters;
}

function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

/**
 * Numerical rank: how many singular values exceed the largest one times max(rows, columns) times the
 * spacing of float32, as numpy and torch define it.
 *
 * @param rows of one length
 */
export function matrixRank(rows: readonly Float32Array[]): number {
  if (rows.length === 0) return 0;
  // The eigenvalues of A·Aᵀ in float64 are the squared singular values, precise enough for this threshold.
  const gram = rows.map((a) => rows.map((b) => dot(a, b)));
  const squares = eigenvalues(gram);
  const tolerance = Math.max(rows.length, rows[0].length) * 2 ** -23;
  const most = Math.max(0, ...squares);
  return squares.filter((square) => square > 0 && Math.sqrt(square) > Math.sqrt(most) * tolerance).length;
}

/** Eigenvalues of a symmetric matrix by Jacobi rotations. */
function eigenvalues(matrix: readonly (readonly number[])[]): number[] {
  const a = matrix.map((row) => [...row]);
  const n = a.length;
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        off += a[p][q] ** 2;
        if (a[p][q] === 0) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
        for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      }
    }
    if (off < 1e-300) break;
  }
  return a.map((row, i) => row[i]);
}
