/** A pruner to begin with. */
export interface Example {
  readonly name: string;
  readonly said: string;
  readonly program: string;
}

const TYPE = `type Grid = { rows: number; columns: number };
type Patches = {
  attention: number[];
  keyNorms: number[];
  likeness: number[][];
  grid: Grid;
  keep: number;
};
`;

/** Programs that a reader may start from; the first is shown at the start. */
export const EXAMPLES: readonly Example[] = [
  {
    name: "top-k",
    said: "top-k",
    program: `${TYPE}
// The patches that the class token looks at most.
export default function prune({ attention, keep }: Patches): number[] {
  const patches = attention.map((_, patch) => patch);
  patches.sort((a, b) => attention[b] - attention[a] || a - b);
  return patches.slice(0, keep);
}
`,
  },
  {
    name: "grid",
    said: "grid",
    program: `${TYPE}
// Patches at equal distances, whatever the picture shows.
export default function prune({ grid, keep }: Patches): number[] {
  const total = grid.rows * grid.columns;
  return Array.from({ length: keep }, (_, i) => Math.floor(((i + 0.5) * total) / keep));
}
`,
  },
  {
    name: "diverse",
    said: "unlike each other",
    program: `${TYPE}
// One by one the patch whose attention, less its likeness to those kept, is largest.
export default function prune({ attention, likeness, keep }: Patches): number[] {
  const most = Math.max(...attention);
  const patches = attention.map((_, patch) => patch);
  const nearest = patches.map(() => 0);
  const kept: number[] = [];
  while (kept.length < keep) {
    const worth = (patch: number) => (most > 0 ? attention[patch] / most : 0) - nearest[patch];
    const left = patches.filter((patch) => !kept.includes(patch));
    const next = left.reduce((best, patch) => (worth(patch) > worth(best) ? patch : best));
    kept.push(next);
    for (const patch of patches) nearest[patch] = Math.max(nearest[patch], likeness[next][patch]);
  }
  return kept;
}
`,
  },
  {
    name: "laws",
    said: "keeps the laws",
    program: `${TYPE}
// The best n patches of each region of 2 × 2, n as small as it can be; of these the best.
export default function prune({ attention, grid, keep }: Patches): number[] {
  const better = (a: number, b: number) => attention[b] - attention[a] || a - b;
  const regions: number[][] = [];
  attention.forEach((_, patch) => {
    const row = Math.floor(patch / grid.columns / 2);
    const column = Math.floor((patch % grid.columns) / 2);
    (regions[row * grid.columns + column] ??= []).push(patch);
  });
  const ranked = regions.flatMap((region) => [region.sort(better)]);
  let best: number[] = [];
  for (let n = 1; best.length < keep; n++) best = ranked.flatMap((region) => region.slice(0, n));
  return best.sort(better).slice(0, keep);
}
`,
  },
];

/** Longest program that stands in the address, in characters of the address; longer ones are run all the same. */
export const ADDRESS_LIMIT = 5000;

/** Whether a program is too long for the address, where a letter outside of ASCII takes six characters or more. */
export function isLong(program: string): boolean {
  return String(new URLSearchParams({ program })).length > ADDRESS_LIMIT;
}

/** A program as a text for the address: an example by its name. */
export function writeProgram(program: string): string {
  const example = EXAMPLES.find((one) => one.program === program);
  if (example) return example.name;
  return isLong(program) ? EXAMPLES[0].name : program;
}

/** @returns undefined for a text that is longer than the page writes */
export function readProgram(text: string): string | undefined {
  if (isLong(text)) return undefined;
  return EXAMPLES.find(({ name }) => name === text)?.program ?? text;
}
