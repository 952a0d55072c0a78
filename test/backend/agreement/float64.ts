/**
 * The model's building blocks in plain float64 arithmetic, written from their definitions and sharing no
 * code with src/: what every backend has to agree with. Arrays are row-major.
 */
export type Numbers = ArrayLike<number>;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const dot = (a: number[], b: number[]) => sum(a.map((v, i) => v * b[i]));
/** The rows of an array whose last axis is `width`. */
export const rowsOf = (x: Numbers, width: number): number[][] =>
  range(x.length / width).map((row) => range(width).map((i) => x[row * width + i]));

/** x [.., k] · w [n, k]ᵀ + bias [n] */
export function linear(x: Numbers, w: Numbers, bias: Numbers): number[] {
  const k = w.length / bias.length;
  const rows = rowsOf(w, k);
  return rowsOf(x, k).flatMap((row) => rows.map((weights, j) => dot(row, weights) + bias[j]));
}

export function layerNorm(x: Numbers, weight: Numbers, bias: Numbers, eps: number): number[] {
  return rowsOf(x, weight.length).flatMap((row) => {
    const mean = sum(row) / row.length;
    const variance = sum(row.map((v) => (v - mean) ** 2)) / row.length;
    return row.map((v, i) => ((v - mean) / Math.sqrt(variance + eps)) * weight[i] + bias[i]);
  });
}

export function rmsNorm(x: Numbers, weight: Numbers, eps: number): number[] {
  return rowsOf(x, weight.length).flatMap((row) => {
    const root = Math.sqrt(sum(row.map((v) => v * v)) / row.length + eps);
    return row.map((v, i) => (v / root) * weight[i]);
  });
}

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
export const quickGelu = (x: Numbers) => Array.from(x, (v) => v * sigmoid(1.702 * v));
export const silu = (x: Numbers) => Array.from(x, (v) => v * sigmoid(v));
export const gelu = (x: Numbers) => Array.from(x, (v) => 0.5 * v * (1 + erf(v / Math.SQRT2)));

/** The power series of the error function; good to 1e-12 for |x| < 4. */
function erf(x: number): number {
  let [term, total] = [x, x];
  for (let n = 1; n < 120; n++) {
    term *= -(x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

function softmax(row: number[]): number[] {
  const top = Math.max(...row);
  const exps = row.map((v) => Math.exp(v - top));
  return exps.map((v) => v / sum(exps));
}

/** Queries [h, Q, d], keys and values [hkv, S, d]; `visible(query, key)` says what is not masked. */
export function attention(
  [q, k, v]: readonly Numbers[],
  { heads, keyValueHeads, width }: { heads: number; keyValueHeads: number; width: number },
  visible: (query: number, key: number) => boolean,
): number[] {
  const [queries, keys, values] = [rowsOf(q, width), rowsOf(k, width), rowsOf(v, width)];
  const [Q, S] = [queries.length / heads, keys.length / keyValueHeads];
  return range(heads).flatMap((head) => {
    const group = Math.floor((head * keyValueHeads) / heads) * S;
    return range(Q).flatMap((query) => {
      const seen = range(S).filter((key) => visible(query, key));
      const scores = seen.map((key) => dot(queries[head * Q + query], keys[group + key]) / Math.sqrt(width));
      const weights = softmax(scores);
      return range(width).map((c) => sum(seen.map((key, i) => weights[i] * values[group + key][c])));
    });
  });
}

/** Rotates the pairs (i, i + d/2) of every row by position·θ^(−2i/d); rows are [heads][positions]. */
export function rotate(x: Numbers, positions: readonly number[], width: number, theta: number): number[] {
  return rowsOf(x, width).flatMap((row, at) => {
    const half = width / 2;
    return row.map((v, i) => {
      const angle = positions[at % positions.length] * theta ** ((-2 * (i % half)) / width);
      const partner = i < half ? -row[i + half] : row[i - half];
      return v * Math.cos(angle) + partner * Math.sin(angle);
    });
  });
}

export function normalizeRows(x: Numbers, width: number): number[] {
  return rowsOf(x, width).flatMap((row) => row.map((v) => v / Math.sqrt(dot(row, row))));
}

/** Nüwa's weights of kept patches over all patches of a grid with `columns` columns (Eqs. 5-7). */
export function aggregation(
  features: Numbers,
  { width, columns, indices, pillars, threshold, overwriteSelf }: AggregationSetting,
): number[] {
  const unit = rowsOf(normalizeRows(features, width), width);
  return indices.flatMap((p, i) => {
    const raw = unit.map((other, q) => {
      if (p === q) return 1;
      if (pillars[i]) return 0;
      const apart = Math.hypot(Math.floor(p / columns) - Math.floor(q / columns), (p % columns) - (q % columns));
      return Math.max(0, dot(unit[p], other)) * Math.max(0, 1 - apart / threshold);
    });
    return raw.map((v, q) => (overwriteSelf && p === q ? 1 : v / sum(raw)));
  });
}

/** What {@link aggregation} is computed for. */
export interface AggregationSetting {
  readonly width: number;
  readonly columns: number;
  readonly indices: readonly number[];
  readonly pillars: readonly boolean[];
  readonly threshold: number;
  readonly overwriteSelf: boolean;
}

/** Cosine of every row with the mean of some rows. */
export function cosineToMean(x: Numbers, width: number, among: readonly number[]): number[] {
  const rows = rowsOf(x, width);
  const mean = range(width).map((c) => sum(among.map((row) => rows[row][c])) / among.length);
  return rows.map((row) => dot(row, mean) / Math.sqrt(dot(row, row) * dot(mean, mean)));
}

/** d(Σ dy·f)/dx for every number of every input, by central differences. */
export function finiteDifferences(
  f: (...x: Numbers[]) => Numbers,
  inputs: readonly Numbers[],
  dy: Numbers,
): number[][] {
  const step = 1e-5;
  const value = (x: readonly Numbers[]) => dot(Array.from(f(...x)), Array.from(dy));
  return inputs.map((input, which) =>
    range(input.length).map((at) => {
      const [above, below] = [step, -step].map((h) => {
        const moved = Float64Array.from(input);
        moved[at] += h;
        return value(inputs.map((x, i) => (i === which ? moved : x)));
      });
      return (above - below) / (2 * step);
    }),
  );
}
