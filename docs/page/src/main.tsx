import { render } from "preact";
import { App, drawSteps, failure, loading } from "./app.tsx";
import { fetchFiles } from "./model/files.ts";
import { startWorkers } from "./model/workers.ts";
import { sandboxFiles } from "./sandbox/client.ts";
import { editorReady } from "./sandbox/editor.tsx";
import type { NuwaPage } from "./state/nuwa-page.ts";
import { pageApi } from "./state/page-api.ts";
import { answerA, client, facts } from "./state/state.ts";
import "./style.css";

declare global {
  interface Window {
    nuwaPage: NuwaPage;
  }
}

render(<App />, document.getElementById("app") as HTMLElement);
setTimeout(drawSteps);
const ready = load();
// The page says so where it is seen; who waits is told as well.
ready.catch(() => {});
window.nuwaPage = pageApi(ready);

/** Loads the model; fulfilled when the first answer is there. */
async function load(): Promise<void> {
  try {
    const files = await fetchFiles((share) => {
      loading.value = share;
    });
    await editorReady;
    sandboxFiles.value = files;
    client.value = await startWorkers(files, (told) => {
      facts.value = told;
    });
    await new Promise<void>((done) => {
      const stop = answerA.subscribe(({ value, problem, built, old }) => {
        if (built || old || (value === undefined && problem === undefined)) return;
        // The subscription may call before it is returned.
        queueMicrotask(() => stop());
        done();
      });
    });
  } catch (error) {
    failure.value = error instanceof Error ? error.message : String(error);
    throw error;
  }
}
