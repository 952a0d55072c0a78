import { useEffect, useRef } from "preact/hooks";
import { program } from "../state/state.ts";

/** The editor is a part of its own that comes while the model does. */
const editor = import("./code-editor.ts");
/** Fulfilled when everything of the editor is there. */
export const editorReady: Promise<unknown> = editor;

/** Milliseconds of quiet before the program is taken over into the state, and so into the address. */
const PAUSE = 300;

/** What the editor is given. */
export interface EditorProps {
  /** Elements that say more of the text field. */
  readonly describedBy: string;
  readonly onRun: (text: string) => void;
  /** Gets what reads the text as it stands. */
  readonly textOf: { current: () => string };
}

/** The reader's program. */
export function Editor({ describedBy, onRun, textOf }: EditorProps) {
  const parent = useRef<HTMLDivElement>(null);
  const run = useRef(onRun);
  run.current = onRun;
  useEffect(() => {
    let gone = false;
    let close = () => {};
    editor.then(({ openEditor }) => {
      if (gone || !parent.current) return;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const view = openEditor(
        parent.current,
        program.value,
        { "aria-label": "program of your pruner", "aria-describedby": describedBy, "data-testid": "editor" },
        {
          onText(text) {
            clearTimeout(timer);
            timer = setTimeout(() => {
              program.value = text;
            }, PAUSE);
          },
          onRun: () => run.current(view.state.doc.toString()),
        },
      );
      textOf.current = () => view.state.doc.toString();
      // An example that was chosen replaces the text; what the reader types comes back unchanged.
      const stop = program.subscribe((text) => {
        const old = view.state.doc.toString();
        if (text === old) return;
        clearTimeout(timer);
        view.dispatch({ changes: { from: 0, to: old.length, insert: text } });
      });
      close = () => {
        clearTimeout(timer);
        stop();
        view.destroy();
      };
    });
    return () => {
      gone = true;
      close();
    };
  }, [describedBy, textOf]);
  return <div class="editor" ref={parent} />;
}
