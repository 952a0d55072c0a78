import type { ComponentChildren } from "preact";

/* The equations of steps 1 to 4 as MathML. */

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
      <mtext> (paper), </mtext>
      <Sub of="S" at={<mi>p</mi>} />
      <mo>=</mo>
      <Sub of="α" at={<mi>p</mi>} />
      <mtext> (code)</mtext>
    </math>
  );
}

/** Candidates of each region, and the best of them. */
export function AlignmentEquation() {
  return (
    <math display="block" aria-label="candidates and anchors">
      <mi>C</mi>
      <mo>=</mo>
      <munder>
        <mo>⋃</mo>
        <mi>r</mi>
      </munder>
      <Sub of="top" at={<mi>n</mi>} />
      <mo>{"{"}</mo>
      <Sub of="S" at={<mi>p</mi>} />
      <mo>:</mo>
      <mi>p</mi>
      <mo>∈</mo>
      <mi>r</mi>
      <mo>{"}"}</mo>
      <mo>,</mo>
      <mspace width="1em" />
      <mi>B</mi>
      <mo>=</mo>
      <Sub of="top" at={<mi>k</mi>} />
      <mo>{"{"}</mo>
      <Sub of="S" at={<mi>p</mi>} />
      <mo>:</mo>
      <mi>p</mi>
      <mo>∈</mo>
      <mi>C</mi>
      <mo>{"}"}</mo>
    </math>
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
    <math display="block" aria-label="weight of a patch in an anchor">
      <Sub of="W" at={pair} />
      <mo>=</mo>
      <mi>ReLU</mi>
      <mo>(</mo>
      <mi>cos</mi>
      <mo>(</mo>
      <Sub of="X" at={<mi>i</mi>} />
      <mo>,</mo>
      <Sub of="X" at={<mi>j</mi>} />
      <mo>)</mo>
      <mo>)</mo>
      <mo>·</mo>
      <mo>(</mo>
      <mn>1</mn>
      <mo>−</mo>
      <mi>min</mi>
      <mo>(</mo>
      <mn>1</mn>
      <mo>,</mo>
      <mfrac>
        <Sub of="d" at={pair} />
        <mi>τ</mi>
      </mfrac>
      <mo>)</mo>
      <mo>)</mo>
    </math>
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
