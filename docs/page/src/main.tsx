import { sceneOf } from "../../../src/world/scene.ts";
import { clientOf } from "./model/client.ts";
import { fetchFiles } from "./model/files.ts";

const files = await fetchFiles(() => {});
const c = clientOf(files.program, (cl) => cl.ask("load", files.checkpoint));
const t = performance.now();
const scene = sceneOf("test", 129);
const out: Record<string, unknown> = {};
const seen = await c.ask("see", { scene });
out.seen = performance.now() - t;
for (const method of ["none", "nuwa", "visionzip"]) {
  const t = performance.now();
  const r = await c.ask("ask", { scene, question: "Where is the purple cross?", setting: { method, average: 16 } });
  out[method] = [r.text, performance.now() - t, r.entering, r.milliseconds];
}
const ch = await c.ask("choose", {
  scene,
  question: "Where is the purple cross?",
  setting: { method: "nuwa", average: 16 },
});
const ch2 = await c.ask("choose", {
  scene,
  question: "Where is the purple cross?",
  setting: { method: "nuwa", average: 20 },
});
out.choose = [ch.cells, ch.ids, ch.milliseconds, ch2.milliseconds];
out.tensors = [await c.ask("tensors", {})];
document.body.textContent = JSON.stringify(out);
console.log(JSON.stringify(out), seen.attention.length);
