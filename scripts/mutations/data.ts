import type { Mutation } from "./mutation.ts";

const safetensors = "io/safetensors.ts";
const pickle = "io/pickle.ts";
const checkpoint = "io/checkpoint.ts";
const resample = "core/resample.ts";
const numbers = "core/random-numbers.ts";
const geometry = "world/geometry.ts";
const scene = "world/scene.ts";

/** Mistakes in what is read from files, in pictures, in random numbers, and in the synthetic scenes. */
export const DATA: readonly Mutation[] = [
  {
    what: "safetensors: bfloat16 as float16",
    file: safetensors,
    from: 'case "BF16":\n      return { shape: entry.shape, values: bfloat16ToFloat32(',
    to: 'case "BF16":\n      return { shape: entry.shape, values: float16ToFloat32(',
  },
  {
    what: "half floats: halves with a bias of 16",
    file: "io/half-floats.ts",
    from: "2 ** (exponent - 25)",
    to: "2 ** (exponent - 26)",
  },
  {
    what: "half floats: small halves with the exponent of normal ones",
    file: "io/half-floats.ts",
    from: "mantissa * 2 ** -24",
    to: "mantissa * 2 ** -25",
  },
  {
    what: "half floats: halves without a sign",
    file: "io/half-floats.ts",
    from: "half & 0x8000 ? -1 : 1",
    to: "half & 0x4000 ? 1 : 1",
  },
  {
    what: "half floats: no infinite halves",
    file: "io/half-floats.ts",
    from: "exponent === 31",
    to: "exponent === 32",
  },
  {
    what: "half floats: ties away from the even half",
    file: "io/half-floats.ts",
    from: "below % 2 === 1",
    to: "below % 2 === 0",
  },
  {
    what: "half floats: what is too large is the largest half",
    file: "io/half-floats.ts",
    from: "sign | 0x7c00",
    to: "sign | 0x7bff",
  },
  {
    what: "half floats: subnormal halves with the steps of their own power of two",
    file: "io/half-floats.ts",
    from: "Math.max(-14, ",
    to: "Math.max(-24, ",
  },
  {
    what: "raster: shapes paint whole pixels",
    file: "world/raster.ts",
    from: "below + share * (rgb[channel] - below)",
    to: "below + Math.ceil(share) * (rgb[channel] - below)",
  },
  {
    what: "safetensors: offsets from the start of the file",
    file: safetensors,
    from: "offset + dataStart",
    to: "offset + 8",
  },
  {
    what: "safetensors: the header's length is big-endian",
    file: safetensors,
    from: "new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true)",
    to: "new DataView(length.buffer).setBigUint64(0, BigInt(text.length), false)",
  },
  {
    what: "safetensors: 64-bit integers lose their upper half",
    file: safetensors,
    from: "BigInt.asIntN(32, value) !== value",
    to: "BigInt.asIntN(64, value) !== value",
  },
  {
    what: "safetensors: tensors may overlap",
    file: safetensors,
    from: "entry.begin !== position",
    to: "entry.begin > position",
  },
  {
    what: "safetensors: the view of a larger buffer is written from its start",
    file: safetensors,
    from: "values.buffer, values.byteOffset, values.byteLength",
    to: "values.buffer, 0, values.byteLength",
  },
  { what: "TSV: the byte-order mark stays", file: "io/tsv.ts", from: '.replace(/^\\ufeff/, "")', to: "" },
  {
    what: "TSV: two quotes stay two",
    file: "io/tsv.ts",
    from: "cell.slice(1, -1).replaceAll('\"\"', '\"')",
    to: "cell.slice(1, -1)",
  },
  {
    what: "pickle: numbers are big-endian",
    file: "io/pickle-reader.ts",
    from: ".readIntLE(0, bytes)",
    to: ".readIntBE(0, bytes)",
  },
  {
    what: "pickle: two values in reverse order",
    file: "io/pickle-reader.ts",
    from: "this.pop()).reverse()",
    to: "this.pop())",
  },
  {
    what: "pickle: 00 is no boolean",
    file: "io/pickle-text.ts",
    from: 'return text === "01";',
    to: 'return text === "00";',
  },
  {
    what: "pickle: bytes of two as of one",
    file: pickle,
    from: "M: (r) => r.push(r.unsigned(2))",
    to: "M: (r) => r.push(r.unsigned(1))",
  },
  {
    what: "checkpoint: shapes of as many sizes are alike",
    file: checkpoint,
    from: "entry.shape.some((n, i) => n !== shape[i])",
    to: "entry.shape.length === 0",
  },
  {
    what: "checkpoint: integers are weights",
    file: checkpoint,
    from: '["F32", "F16", "BF16"]',
    to: '["F32", "F16", "BF16", "I32"]',
  },
  {
    what: "pictures: turned pictures stay turned",
    file: "io/image.ts",
    from: "autoOrient: true,",
    to: "autoOrient: false,",
  },
  {
    what: "resampling: pixels begin at their edges",
    file: resample,
    from: "(start + i + 0.5) * scale",
    to: "(start + i) * scale",
  },
  { what: "resampling: not widened when shrinking", file: resample, from: "Math.max(scale, 1)", to: "1" },
  { what: "resampling: the kernel of other programs", file: resample, from: "const a = -0.5;", to: "const a = -0.75;" },
  {
    what: "resampling: cut, not rounded",
    file: resample,
    from: "const HALF = 2 ** (PRECISION - 1);",
    to: "const HALF = 0;",
  },
  {
    what: "resampling: the border is darker",
    file: resample,
    from: "(weight / sum) * 2 ** PRECISION",
    to: "weight * 2 ** PRECISION / widening",
  },
  {
    what: "boxes: pixels of a square",
    file: "core/boxes.ts",
    from: "[x0 / width, y0 / height, x1 / width, y1 / height]",
    to: "[x0 / width, y0 / width, x1 / width, y1 / width]",
  },
  { what: "boxes: 1 is a pixel", file: "core/boxes.ts", from: "edge <= 1", to: "edge < 1" },
  {
    what: "roles: the last text token is like others",
    file: "core/slots.ts",
    from: 'if (index === last) return "last";',
    to: "",
  },
  {
    what: "roles: text without an image is behind one",
    file: "core/slots.ts",
    from: "index < firstVisual",
    to: "index <= firstVisual || firstVisual < 0",
  },
  {
    what: "random: neighbouring seeds are not mixed",
    file: numbers,
    from: "randomFrom(mixed(seed))",
    to: "randomFrom(seed)",
  },
  {
    what: "random: a shuffle that may not leave a place",
    file: numbers,
    from: "Math.floor(random() * (total - i))",
    to: "Math.floor(random() * (total - i - 1))",
  },
  {
    what: "random: normal draws with half the deviation",
    file: numbers,
    from: "Math.sqrt(-2 * Math.log(1 - random()))",
    to: "Math.sqrt(-0.5 * Math.log(1 - random()))",
  },
  { what: "world: the hole of a ring is filled", file: geometry, from: "distance >= RING_HOLE", to: "distance >= 0" },
  { what: "world: shapes may touch", file: geometry, from: "a[2] + gap <= b[0]", to: "a[2] <= b[0]" },
  {
    what: "world: the union counts what is shared twice",
    file: geometry,
    from: "area(a) + area(b) - shared",
    to: "area(a) + area(b)",
  },
  {
    what: "world: boxes beside each other share an area",
    file: geometry,
    from: "Math.max(0, x1 - x0) * Math.max(0, y1 - y0)",
    to: "(x1 - x0) * (y1 - y0)",
  },
  {
    what: "world: the height of a shape is its width",
    file: scene,
    from: "round4(width * ASPECT[shape])",
    to: "round4(width)",
  },
  {
    what: "world: never the most shapes",
    file: scene,
    from: "SHAPE_COUNTS.most - SHAPE_COUNTS.least + 1)",
    to: "SHAPE_COUNTS.most - SHAPE_COUNTS.least)",
  },
  {
    what: "world: a compositional scene may lack held-out pairs",
    file: scene,
    from: "[pick(random, HELD_OUT_PAIRS) as Pair]",
    to: "[drawPair(random, TRAINING_FREQUENCIES)]",
  },
  {
    what: "world: the small shapes are placed first",
    file: scene,
    from: "extents[b] - extents[a]",
    to: "extents[a] - extents[b]",
  },
  {
    what: "world: held-out pairs in training",
    file: "world/pairs.ts",
    from: "isHeldOut({ colour, shape }) ? 0 :",
    to: "isHeldOut({ colour, shape }) ? 1 :",
  },
  {
    what: "world: margins of the colours alone are equal",
    file: "world/pairs.ts",
    from: "weight / (columns[shape] * SHAPES.length)",
    to: "weight / SHAPES.length",
  },
  {
    what: "world: coordinates are cut",
    file: "world/coordinates.ts",
    from: "[Math.round(box[0] * bins), Math.round(box[1] * bins)",
    to: "[Math.floor(box[0] * bins), Math.floor(box[1] * bins)",
  },
  {
    what: "world: splits share their scenes",
    file: "world/splits.ts",
    from: "SPLITS.indexOf(split) * SEEDS_PER_SPLIT + seed",
    to: "seed",
  },
  { what: "world: left of is right of", file: "world/relations.ts", from: 'left: "right"', to: 'left: "left"' },
  {
    what: "world: counts of one value are as often as they come",
    file: "world/counting.ts",
    from: "1 / form.availability[count]",
    to: "1",
  },
  {
    what: "world: weighted draws by the number of weights",
    file: "world/draws.ts",
    from: "random() * weights.reduce((sum, weight) => sum + weight, 0)",
    to: "random() * weights.length",
  },
  {
    what: "world: a tenth of a patch names it",
    file: "world/labels.ts",
    from: "LEAST_COVERAGE = 0.25",
    to: "LEAST_COVERAGE = 0.1",
  },
  {
    what: "world: rows and columns of labels swapped",
    file: "world/labels.ts",
    from: "row * columns + column",
    to: "column * rows + row",
  },
  {
    what: "world: noise of one sign",
    file: "world/rendering.ts",
    from: "+ noise * noiseTable[(offset + i) & (NOISE_TABLE_LENGTH - 1)] + 0.5",
    to: "+ noise * Math.abs(noiseTable[(offset + i) & (NOISE_TABLE_LENGTH - 1)]) + 0.5",
  },
];
