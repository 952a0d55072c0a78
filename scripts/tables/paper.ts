/** What the paper reports for LLaVA-1.5-7B (arXiv 2602.02951), to compare with our figures; all in %. */

/** Retention, tables 1 and 2: method → average → [VQA over ten tasks, the RefCOCO family]. */
export const PAPER_RETENTION: Readonly<
  Record<string, Readonly<Record<string, readonly [number | undefined, number | undefined]>>>
> = {
  fastv: { "1/3": [89.5, undefined], "2/9": [85.0, 18.6], "1/9": [79.4, 3.8] },
  pyramiddrop: { "1/3": [95.7, undefined], "2/9": [94.3, undefined], "1/9": [71.6, undefined] },
  sparsevlm: { "1/3": [96.1, undefined], "2/9": [93.6, 12.8], "1/9": [89.9, 1.9] },
  visionzip: { "1/3": [98.3, undefined], "2/9": [97.6, 8.1], "1/9": [94.0, 7.3] },
  prumerge: { "1/3": [undefined, undefined], "2/9": [95.1, undefined], "1/9": [91.7, undefined] },
  nuwa: { "1/3": [98.8, 79.3], "2/9": [97.9, 75.2], "1/9": [94.9, 47.2] },
};

/** ACC@0.5 on RefCOCO-test at 128 of 576 tokens, unpruned 58.30; table 3: method → [its own ids, rpme]. */
export const PAPER_POSITIONS: Readonly<Record<string, readonly [number, number | undefined]>> = {
  nuwa: [45.09, undefined],
  pooling: [23.01, undefined],
  fastv: [10.34, 13.41],
  visionzip: [4.49, 21.39],
};
