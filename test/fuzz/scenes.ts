import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { sceneIn } from "../../src/world/scene-file.ts";
import { SEEDS_PER_SPLIT, SPLITS } from "../../src/world/splits.ts";
import { withDamage } from "./damage.ts";
import { png } from "./picture-encoders.ts";
import type { Case, Target } from "./target.ts";

const splits = fc.oneof(
  { arbitrary: fc.constantFrom<string>(...SPLITS), weight: 6 },
  fc.constantFrom("exam", "", "__proto__", "constructor", "Test", "test2"),
);
const seeds = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: SEEDS_PER_SPLIT - 1 }).map(String), weight: 6 },
  fc.constantFrom("-1", "1.5", "0x10", "1e3", "", "x", String(SEEDS_PER_SPLIT), "9".repeat(20)),
);
/** Programs write fields as attributes or as elements. */
const writers = fc.constantFrom<(name: string, value: string) => string>(
  (name, value) => `<rdf:Description nuwa:${name}="${value}"/>`,
  (name, value) => `<nuwa:${name}>${value}</nuwa:${name}>`,
);
const others = fc.constantFrom("", '<dc:title split="train" seed="7"/>', '{"split":"test"}', "<!-- nuwa -->", "<<<");

const isKnown = (split: string) => SPLITS.some((one) => one === split);
const isSeed = (text: string) => /^[0-9]+$/.test(text) && Number(text) < SEEDS_PER_SPLIT;

const packets = fc
  .tuple(splits, seeds, writers, writers, others, fc.boolean())
  .map(([split, seed, first, second, other, turned]): Case => {
    const fields = [first("split", split), second("seed", seed)];
    const text = [other, ...(turned ? fields.reverse() : fields), other].join("\n");
    return { bytes: Buffer.from(text), wanted: isKnown(split) && isSeed(seed) ? "changed" : "none" };
  });

const WHITE = { width: 2, height: 2, pixels: new Uint8Array(12).fill(255) };

/** XMP packets, in a white picture: no scene is white, so that none may ever be taken for one. */
export const scenes: Target = {
  name: "scenes",
  cases: 60,
  inputs: withDamage(packets, ["nuwa:split=", 'nuwa:seed="', "<nuwa:split>", "test", "]]>", "&#0;"]),
  async read(path) {
    const picture = `${path}.png`;
    writeFileSync(picture, png(WHITE, false, [0], readFileSync(path)));
    const found = await sceneIn(picture);
    if (typeof found === "object") throw new Error(`takes a white picture for scene ${found.seed} of ${found.split}`);
    return found ?? "none";
  },
};
