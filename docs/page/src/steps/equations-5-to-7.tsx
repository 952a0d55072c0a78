import type { ComponentChildren } from "preact";

/* The equations of steps 5 to 7 as MathML. */

/** The two scores of the second cut; the one that the reading goes by is marked in words. */
export function CutEquation({ shown }: { readonly shown?: "attention" | "cosine" }) {
  const mark = (one: typeof shown) => (one === shown ? ", shown now" : "");
  return (
    <>
      <p class="reading">released code{mark("attention")}: attention of the last token of the prompt</p>
      <AttentionScore />
      <p class="reading">paper{mark("cosine")}: cosine with the mean of the text behind the image (Eqs. 8, 9)</p>
      <CosineScore />
    </>
  );
}

function Sub({ of, at }: { readonly of: string; readonly at: string }) {
  return (
    <msub>
      <mi>{of}</mi>
      <mi>{at}</mi>
    </msub>
  );
}

/** Attention that the last token of the prompt pays to a visual token, mean over heads. */
function AttentionScore() {
  return (
    <math display="block" aria-label="score by attention">
      <Sub of="s" at="v" />
      <mo>=</mo>
      <mfrac>
        <mn>1</mn>
        <mi>h</mi>
      </mfrac>
      <munderover>
        <mo>∑</mo>
        <mrow>
          <mi>a</mi>
          <mo>=</mo>
          <mn>1</mn>
        </mrow>
        <mi>h</mi>
      </munderover>
      <mi>softmax</mi>
      <msub>
        <mrow>
          <mo>(</mo>
          <mfrac>
            <mrow>
              <Sub of="q" at="a" />
              <msubsup>
                <mi>k</mi>
                <mi>a</mi>
                <mo>⊤</mo>
              </msubsup>
            </mrow>
            <msqrt>
              <mi>d</mi>
            </msqrt>
          </mfrac>
          <mo>)</mo>
        </mrow>
        <mrow>
          <mi>last</mi>
          <mo>,</mo>
          <mi>v</mi>
        </mrow>
      </msub>
    </math>
  );
}

function Mean() {
  return (
    <mover accent>
      <mi>t</mi>
      <mo>¯</mo>
    </mover>
  );
}

/** Cosine of a visual token with the mean of the text. */
function CosineScore() {
  const norm = (what: ComponentChildren) => (
    <mrow>
      <mo>‖</mo>
      {what}
      <mo>‖</mo>
    </mrow>
  );
  return (
    <>
      <math display="block" aria-label="mean of the text">
        <Mean />
        <mo>=</mo>
        <mfrac>
          <mn>1</mn>
          <mrow>
            <mo>|</mo>
            <mi>T</mi>
            <mo>|</mo>
          </mrow>
        </mfrac>
        <munder>
          <mo>∑</mo>
          <mrow>
            <mi>i</mi>
            <mo>∈</mo>
            <mi>T</mi>
          </mrow>
        </munder>
        <Sub of="t" at="i" />
      </math>
      <math display="block" aria-label="score by cosine">
        <Sub of="s" at="v" />
        <mo>=</mo>
        <mfrac>
          <mrow>
            <mi>v</mi>
            <mo>·</mo>
            <Mean />
          </mrow>
          <mrow>
            {norm(<mi>v</mi>)}
            {norm(<Mean />)}
          </mrow>
        </mfrac>
      </math>
    </>
  );
}

/** Intersection over union of two boxes. */
export function OverlapEquation() {
  return (
    <math display="block">
      <mi>IoU</mi>
      <mo>(</mo>
      <mi>A</mi>
      <mo>,</mo>
      <mi>B</mi>
      <mo>)</mo>
      <mo>=</mo>
      <mfrac>
        <mrow>
          <mo>|</mo>
          <mi>A</mi>
          <mo>∩</mo>
          <mi>B</mi>
          <mo>|</mo>
        </mrow>
        <mrow>
          <mo>|</mo>
          <mi>A</mi>
          <mo>∪</mo>
          <mi>B</mi>
          <mo>|</mo>
        </mrow>
      </mfrac>
    </math>
  );
}

/** A pruner: from salience, key norms, grid and budget to a set of k patches. */
export function PrunerEquation() {
  return (
    <>
      <math display="block">
        <mi>prune</mi>
        <mo>:</mo>
        <mo>(</mo>
        <mi>S</mi>
        <mo>,</mo>
        <mi>κ</mi>
        <mo>,</mo>
        <mi>H</mi>
        <mo>×</mo>
        <mi>W</mi>
        <mo>,</mo>
        <mi>k</mi>
        <mo>)</mo>
        <mo>↦</mo>
        <mi>B</mi>
        <mo>,</mo>
        <mo>|</mo>
        <mi>B</mi>
        <mo>|</mo>
        <mo>=</mo>
        <mi>k</mi>
      </math>
      <p>
        S is <code>attention</code> and κ <code>keyNorms</code>, both of the block of the tower whose output the decoder
        is given, κ with all heads in one norm; H × W are <code>grid.rows</code> and <code>grid.columns</code>, k is{" "}
        <code>keep</code>, and B is what is returned. A program may also read A, <code>likeness</code>.
      </p>
    </>
  );
}
