import { facts, gridOf } from "./state/state.ts";
import "./introduction.css";

/** The words of the field that the steps use, each in a sentence. */
const WORDS: readonly (readonly [word: string, meaning: string])[] = [
  ["VLM", "A vision-language model: it gets a picture and a text, and answers with a text."],
  ["vision tower", "The part that turns a picture into visual tokens, a network of its own."],
  ["patch", "A square of the picture. Patches are numbered from 0, row by row from the upper left."],
  ["visual token", "The vector of 128 numbers that stands for a patch."],
  ["decoder", "The language model behind the tower. It reads all tokens, layer by layer, and writes the answer."],
  ["attention", "Weights by which a token takes over from others. Those of one token and one head sum to 1."],
  ["head", "Each layer computes attention several times side by side; each time is a head."],
  ["key", "The vector of a token that others compare with when they decide how much to attend to it."],
  ["class token", "One more token of the vision tower, of no patch. It attends to the whole picture."],
  ["salience", "A number that says how much a patch is worth to a pruning method."],
  ["position id", "The number that tells the decoder where in the sequence a token stands."],
  ["cache", "Keys and values of all tokens, kept in each layer while an answer is written."],
  ["IoU", "Intersection over union of two boxes: 1 where they are equal, 0 where they do not meet."],
  [
    "paper, code",
    "Nüwa's paper and the code that was released with it. They differ in some places, and both are here.",
  ],
];

/** What the page is about, for who has never heard of it. */
export function Introduction() {
  const { rows, columns } = gridOf.value;
  return (
    <>
      <p>
        A vision-language model turns a picture into vectors, the <em>visual tokens</em>, and a language model, the{" "}
        <em>decoder</em>, reads them like words and answers. Here they are {rows * columns}
        <span class="on-wide">, before a question of about ten words</span>, and each costs time and memory in all{" "}
        {facts.value?.layers ?? 8} layers. <em>Pruning</em> leaves most of them out.{" "}
        <a href="https://arxiv.org/abs/2602.02951">Nüwa</a> is one way to choose which.{" "}
        <span class="on-wide">Here it runs step by step on a small model in your browser; nothing is uploaded.</span>
      </p>
      <details class="words">
        <summary>
          The model, and words<span class="on-wide"> used on this page</span>
        </summary>
        <p>
          The model is <code>weights/no-places</code> of this project: {facts.value?.layers ?? 8} layers, tokens of 128
          numbers, trained so that position ids alone tell it where a patch lies. It is not the shipped model,{" "}
          <code>weights/shapes</code>, of which the tables of results are.
        </p>
        <dl>
          {WORDS.map(([word, meaning]) => (
            <div key={word}>
              <dt>{word}</dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </details>
    </>
  );
}
