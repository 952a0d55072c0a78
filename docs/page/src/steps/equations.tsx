import type { ComponentChildren } from "preact";

/* The equations of steps 1 and 2 as MathML. */

/** A bracket as high as a letter; "false" is a word in MathML, where Preact would leave the attribute out. */
export const FLAT = { stretchy: "false" as unknown as boolean };

/** A symbol with an index below. */
export function Sub({ of, at }: { readonly of: string; readonly at: ComponentChildren }) {
  return (
    <msub>
      <mi>{of}</mi>
      {at}
    </msub>
  );
}

/** Eq. 3 in both readings. */
export function SalienceEquation() {
  return (
    <math display="block" aria-label="salience of a patch">
      <Sub of="S" at={<mi>p</mi>} />
      <mo>=</mo>
      <Sub of="α" at={<mi>p</mi>} />
      <mo>·</mo>
      <msub>
        <mrow>
          <mo>‖</mo>
          <Sub of="k" at={<mi>p</mi>} />
          <mo>‖</mo>
        </mrow>
        <mn>2</mn>
      </msub>
      <mtext>&nbsp;(paper),</mtext>
      <mspace width="0.7em" />
      <Sub of="S" at={<mi>p</mi>} />
      <mo>=</mo>
      <Sub of="α" at={<mi>p</mi>} />
      <mtext>&nbsp;(code)</mtext>
    </math>
  );
}

/** Candidates of each region, and the best of them. */
export function AlignmentEquation() {
  return (
    <>
      <math display="block" aria-label="candidates">
        <mi>C</mi>
        <mo>=</mo>
        <munder>
          <mo>⋃</mo>
          <mi>r</mi>
        </munder>
        <Sub of="top" at={<mi>n</mi>} />
        <mo {...FLAT}>{"{"}</mo>
        <Sub of="S" at={<mi>p</mi>} />
        <mo>:</mo>
        <mi>p</mi>
        <mo>∈</mo>
        <mi>r</mi>
        <mo {...FLAT}>{"}"}</mo>
      </math>
      <math display="block" aria-label="anchors">
        <mi>B</mi>
        <mo>=</mo>
        <Sub of="top" at={<mi>k</mi>} />
        <mo {...FLAT}>{"{"}</mo>
        <Sub of="S" at={<mi>p</mi>} />
        <mo>:</mo>
        <mi>p</mi>
        <mo>∈</mo>
        <mi>C</mi>
        <mo {...FLAT}>{"}"}</mo>
      </math>
    </>
  );
}
