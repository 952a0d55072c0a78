import { indentWithTab } from "@codemirror/commands";
import { typescriptLanguage } from "@codemirror/lang-javascript";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { minimalSetup } from "codemirror";

/** Colours that follow the page, light or dark, with the contrast that text needs. */
const COLOURS = HighlightStyle.define([
  { tag: tags.comment, color: "var(--quiet)" },
  { tag: [tags.keyword, tags.typeName], color: "var(--accent)" },
  { tag: [tags.string, tags.number, tags.bool, tags.null], color: "var(--problem)" },
]);

/** What the editor tells. */
export interface EditorEvents {
  /** The reader has changed the text. */
  readonly onText: (text: string) => void;
  /** Control or Command with Enter. */
  readonly onRun: () => void;
}

/**
 * A text editor for programs.
 *
 * @param label of the text field, for screen readers
 */
export function openEditor(
  parent: HTMLElement,
  text: string,
  attributes: Readonly<Record<string, string>>,
  { onText, onRun }: EditorEvents,
): EditorView {
  const run = {
    key: "Mod-Enter",
    run: () => {
      onRun();
      return true;
    },
  };
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of([run])),
        minimalSetup,
        lineNumbers(),
        EditorView.lineWrapping,
        keymap.of([indentWithTab]),
        typescriptLanguage,
        syntaxHighlighting(COLOURS),
        EditorView.contentAttributes.of(attributes),
        EditorView.updateListener.of(({ docChanged, state }) => {
          if (docChanged) onText(state.doc.toString());
        }),
      ],
    }),
  });
}
