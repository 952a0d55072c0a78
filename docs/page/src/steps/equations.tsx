import type { ComponentChildren } from "preact";

/* The equations of steps 1 to 4 as MathML. */

/** A bracket as high as a letter; "false" is a word in MathML, where Preact would leave the attribute out. */
const FLAT = { stretchy: "false" as unknown as boolean };

/** A symbol with an index below. */
function Sub({ of, at }: { readonly of: string; readonly at: ComponentChildren }) {
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

/** Eqs. 5 to 7. */
export function AggregationEquation() {
  const pair = (
    <mrow>
      <mi>i</mi>
      <mi>j</mi>
    </mrow>
  );
  return (
    <>
      <math display="block" aria-label="weight of a patch in an anchor, before the division">
        <Sub of="W" at={pair} />
        <mo>=</mo>
        <Sub of="A" at={pair} />
        <mo>·</mo>
        <Sub of="P" at={pair} />
      </math>
      <math display="block" aria-label="likeness">
        <Sub of="A" at={pair} />
        <mo>=</mo>
        <mi>ReLU</mi>
        <mo {...FLAT}>(</mo>
        <mi>cos</mi>
        <mo {...FLAT}>(</mo>
        <Sub of="X" at={<mi>i</mi>} />
        <mo>,</mo>
        <Sub of="X" at={<mi>j</mi>} />
        <mo {...FLAT}>)</mo>
        <mo {...FLAT}>)</mo>
      </math>
      <math display="block" aria-label="nearness">
        <Sub of="P" at={pair} />
        <mo>=</mo>
        <mn>1</mn>
        <mo>−</mo>
        <mi>min</mi>
        <mo {...FLAT}>(</mo>
        <mn>1</mn>
        <mo>,</mo>
        <Sub of="d" at={pair} />
        <mo>/</mo>
        <mi>τ</mi>
        <mo {...FLAT}>)</mo>
      </math>
    </>
  );
}

/** Ids of the three policies. */
export function PositionsEquation() {
  const pos = <Sub of="pos" at={<mi>j</mi>} />;
  const cell = <Sub of="I" at={<mi>j</mi>} />;
  const rows: readonly (readonly [string, ComponentChildren])[] = [
    ["original", cell],
    ["compressed", <mi key="j">j</mi>],
    [
      "rpme",
      <mrow key="rpme">
        <mo>⌈</mo>
        {cell}
        <mo>·</mo>
        <mfrac>
          <mrow>
            <mi>N</mi>
            <mo>−</mo>
            <mn>1</mn>
          </mrow>
          <Sub of="I" at={<mi>last</mi>} />
        </mfrac>
        <mo>⌉</mo>
      </mrow>,
    ],
  ];
  return (
    <math display="block" aria-label="position id of a kept token">
      <mtable>
        {rows.map(([name, value]) => (
          <mtr key={name}>
            <mtd>{pos}</mtd>
            <mtd>
              <mo>=</mo>
              <mi>s</mi>
              <mo>+</mo>
              {value}
            </mtd>
            <mtd>
              <mtext>{name}</mtext>
            </mtd>
          </mtr>
        ))}
      </mtable>
    </math>
  );
}
