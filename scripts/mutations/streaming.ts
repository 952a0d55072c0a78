import type { Mutation } from "./mutation.ts";

const plan = "io/weights/plan.ts";
const streamed = "io/weights/streamed-weights.ts";
const reading = "io/weights/read-weights.ts";
const turns = "core/turns.ts";
const rounds = "eval/run/rounds.ts";
const transposes = "backend/wasm/transposes.ts";
const rows = "backend/native/small-rows.ts";
const products = "backend/native/small-products.ts";
const time = "cli/doctor-time.ts";
const progress = "cli/pass-progress.ts";

/** Mistakes in models that do not fit into memory, and in the products x·Wᵀ that all layers are made of. */
export const STREAMING: readonly Mutation[] = [
  {
    what: "memory: a layer that is held is read, too",
    file: plan,
    from: "      streamed.delete(group);\n",
    to: "",
  },
  {
    what: "memory: the layers that are held come first",
    file: plan,
    from: "Math.floor(((i + 1) * count) / list.length) > Math.floor((i * count) / list.length)",
    to: "i < count",
  },
  { what: "memory: one buffer is counted", file: plan, from: "BUFFERS = 2", to: "BUFFERS = 1" },
  { what: "memory: prompts beside the first take nothing", file: plan, from: "  left -= more * each;\n", to: "" },
  {
    what: "streaming: layers stay when others are read",
    file: streamed,
    from: "    // First, so that there is never more than one.\n    this.#free(group.stack);\n",
    to: "",
  },
  {
    what: "streaming: any layer of a stack for the one that is needed",
    file: streamed,
    from: "if (present?.group === group) return present.tensors;",
    to: "if (present) return present.tensors;",
  },
  {
    what: "streaming: what was read ahead for what is needed",
    file: reading,
    from: "if (this.#ahead !== weights) this.#begin(weights);",
    to: "if (this.#ahead === undefined) this.#begin(weights);",
  },
  {
    what: "streaming: halves of one kind for the other",
    file: "io/weights/weight-files.ts",
    from: 'dtype === "F16" ? float16ToFloat32(halves)',
    to: 'dtype !== "F16" ? float16ToFloat32(halves)',
  },
  {
    what: "reading: from the beginning of a file",
    file: "io/opening.ts",
    from: "2 ** 30), begin + done)",
    to: "2 ** 30), done)",
  },
  {
    what: "turns: nobody waits for the others",
    file: turns,
    from: "this.#waiting.length < this.#members",
    to: "this.#members < 0",
  },
  {
    what: "turns: the decoder takes none",
    file: "pipeline/decoder-loop.ts",
    from: "    yield* inTurn(model.decoder.layer(i));\n",
    to: "",
  },
  {
    what: "turns: LLaVA's tower takes none",
    file: "model/llava/tower.ts",
    from: "    yield* inTurn(block);\n",
    to: "",
  },
  {
    what: "turns: none before a cut, which may look ahead",
    file: "pipeline/prefill.ts",
    from: "      yield* inTurn(model.decoder.layer(from));\n",
    to: "",
  },
  {
    what: "evaluation: more questions at once than there is memory for",
    file: rounds,
    from: "        left -= job.items.length;\n",
    to: "",
  },
  {
    what: "evaluation: pictures that are asked about apart draw alike",
    file: rounds,
    from: "DRAWS_APART * scenes.indexOf(item.scene)",
    to: "DRAWS_APART * 0",
  },
  {
    what: "x·Wᵀ on wasm: the packed copy of another shape",
    file: transposes,
    from: 'this.#ids.get(dataId)?.get(shape.join("×"))',
    to: "this.#ids.get(dataId)?.values().next().value",
  },
  {
    what: "x·Wᵀ on wasm: packed copies outlive their matrix",
    file: transposes,
    from: "backend.wasm.tfjs.disposeData(id);",
    to: "void id;",
  },
  {
    what: "small tensors on tensorflow: heads of one group each have keys of their own",
    file: products,
    from: "Math.floor(head / (heads / keyValueHeads)) * count",
    to: "head * count",
  },
  {
    what: "small tensors on tensorflow: the second part of a concatenation over the first",
    file: products,
    from: "place += length;",
    to: "place += 0;",
  },
  {
    what: "small tensors on tensorflow: the scores of one query are not scaled",
    file: products,
    from: " * width ** -0.5;",
    to: ";",
  },
  {
    what: "small tensors on tensorflow: a product whose second factor is not transposed is taken for one",
    file: products,
    from: "    transposeB === true &&\n",
    to: "",
  },
  {
    what: "small tensors on tensorflow: the other direction of rotation",
    file: rows,
    from: "i < half ? -all[start + i + half] : all[start + i - half]",
    to: "i < half ? all[start + i + half] : -all[start + i - half]",
  },
  {
    what: "small tensors on tensorflow: every sample has the angles of the first",
    file: rows,
    from: "(Math.floor(row / (heads * tokens)) * tokens + (row % tokens)) * width",
    to: "(row % tokens) * width",
  },
  {
    what: "small tensors on tensorflow: a vector that is broadcast counts as an equal shape",
    file: rows,
    from: " && a.shape.join() === b.shape.join()",
    to: "",
  },
  {
    what: "small tensors on tensorflow: another shape shares the values",
    file: rows,
    from: "values(x).slice()",
    to: "values(x)",
  },
  {
    what: "doctor: layers are computed after they are read",
    file: time,
    from: "Math.max(prefillWork / rates.products, reading(layersRead))",
    to: "prefillWork / rates.products + reading(layersRead)",
  },
  {
    what: "doctor: the table of embeddings is a product",
    file: time,
    from: 'endsWith("lm_head.weight")',
    to: 'endsWith(".weight")',
  },
  {
    what: "progress: the time that has passed for that which is left",
    file: progress,
    from: "(of - done) * (time - begun)",
    to: "done * (time - begun)",
  },
];
