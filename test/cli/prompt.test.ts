import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../io/scratch.ts";
import { nuwa } from "./support.ts";

const folder = scratchFolder();

/** image_token_index of weights/shapes/config.json. */
const IMAGE_TOKEN = JSON.parse(readFileSync("weights/shapes/config.json", "utf8")).image_token_index;
const COMMAND = ["prompt", "--model", "weights/shapes", "--question", "Where is the ring?"];

describe("nuwa prompt", () => {
  it("prints the text, where its template comes from and its ids, the image as one id", async () => {
    const { code, out, err } = await nuwa(...COMMAND, "--json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { text, origin, ids } = JSON.parse(out);
    expect(text).toContain("Where is the ring?");
    expect(origin).toMatch(/^(chat_template\.jinja|tokenizer_config\.json|processor_config\.json)$/);
    expect(ids.length).toBeGreaterThan(5);
    expect(ids.filter((id: unknown) => id === IMAGE_TOKEN)).toHaveLength(1);
  });

  it("prints them for people, too", async () => {
    const { out } = await nuwa(...COMMAND);
    expect(out).toMatch(/^text +".*Where is the ring\?.*"\norigin +\S+\nids +\d+( \d+)*\n$/);
  });

  it.each(["prompt", "preprocess", "taps"])("needs no weights, as %s", async (command) => {
    const model = join(folder, "without-weights");
    for (const name of readdirSync("weights/shapes"))
      if (!name.endsWith(".safetensors")) cpSync(join("weights/shapes", name), join(model, name));
    const rest: Record<string, string[]> = {
      prompt: ["--question", "Where is the ring?", "--json"],
      preprocess: ["docs/images/chelsea.png", "--dump", join(folder, "pixels.safetensors")],
      taps: ["--json"],
    };
    const bare = await nuwa(command, "--model", model, ...rest[command]);
    expect(bare).toEqual({ ...(await nuwa(command, "--model", "weights/shapes", ...rest[command])), code: 0 });
  });

  it("refuses an empty question", async () => {
    expect(await nuwa("prompt", "--model", "weights/shapes", "--question", " ")).toMatchObject({ code: 2, out: "" });
  });
});
