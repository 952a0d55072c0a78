import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/model/qwen2_5-vl/config.ts";
import { refusal } from "../../io/scratch.ts";

type Json = Record<string, unknown>;

/** Sections for heads of 128 channels: the one field without a default. */
const SECTIONS = { mrope_section: [16, 24, 24] };
const nested = (text: Json = {}, top: Json = {}) =>
  parseConfig("config.json", {
    model_type: "qwen2_5_vl",
    text_config: { rope_parameters: SECTIONS, ...text },
    ...top,
  });

/** What `Qwen2_5_VLConfig()` of transformers 5.18.0 holds. */
const DEFAULTS = {
  imageTokenId: 151655,
  vision: {
    depth: 32,
    hiddenSize: 3584,
    intermediateSize: 3420,
    numHeads: 16,
    patchSize: 14,
    spatialMergeSize: 2,
    temporalPatchSize: 2,
    windowSize: 112,
    fullAttentionBlocks: [7, 15, 23, 31],
  },
  text: {
    vocabSize: 152064,
    hiddenSize: 8192,
    intermediateSize: 29568,
    numHiddenLayers: 80,
    numAttentionHeads: 64,
    numKeyValueHeads: 8,
    headDim: 128,
    rmsNormEps: 1e-5,
    ropeTheta: 1000000,
    ropeSections: [16, 24, 24],
    tieWordEmbeddings: false,
    maxPositionEmbeddings: 32768,
    eosTokenIds: [151645],
  },
};

describe("the configuration of Qwen2.5-VL", () => {
  it("has the defaults of transformers, with the text's fields in text_config or at the top", () => {
    expect(nested()).toMatchObject(DEFAULTS);
    const flat = { model_type: "qwen2_5_vl", rope_scaling: { type: "mrope", ...SECTIONS } };
    expect(parseConfig("config.json", flat)).toMatchObject(DEFAULTS);
  });

  it("counts the blocks of the tower, all of which the features go through", () => {
    expect(nested().facts).toMatchObject({ layers: 80, visionBlocks: 32, featureBlocks: 32 });
  });

  it("has as many key heads as heads where their number is null", () => {
    expect(nested({ num_key_value_heads: null }).text.numKeyValueHeads).toBe(64);
  });

  it("ends answers where the text's fields say, beside which transformers does not look at the top", () => {
    const ends = (text: Json, top: Json) => nested(text, top).text.eosTokenIds;
    expect(ends({ eos_token_id: 8 }, { eos_token_id: 7 })).toEqual([8]);
    expect(ends({}, { eos_token_id: 7 })).toEqual([151645]);
    const flat = { model_type: "qwen2_5_vl", rope_parameters: SECTIONS, eos_token_id: [9, 7] };
    expect(parseConfig("config.json", flat).text.eosTokenIds).toEqual([9, 7]);
  });

  it("is refused where heads have no half for rows and half for columns, or blocks are not there", () => {
    const refused = (vision_config: Json) => refusal(() => nested({}, { vision_config }));
    expect(refused({ hidden_size: 96 })).toBe(
      "config.json: vision hidden_size 96 is not 16 heads of a multiple of 4 channels.",
    );
    expect(refused({ fullatt_block_indexes: [7, 32] })).toBe(
      "config.json: fullatt_block_indexes [7,32] lie outside the 32 blocks.",
    );
    expect(nested({}, { vision_config: { fullatt_block_indexes: [0] } }).vision.fullAttentionBlocks).toEqual([0]);
  });
});
