export { tinyModel } from "../src/laws/tiny.ts";
