import type { ComponentChildren } from "preact";
import { variant } from "../state/state.ts";
import { FLAT, Sub } from "./equations.tsx";

/* The equations of steps 3 and 4 as MathML. */

const PAIR = (
  <mrow>
    <mi>i</mi>
    <mi>j</mi>
  </mrow>
);

/** Something in flat brackets. */
function Flat({ children }: { readonly children: ComponentChildren }) {
  return (
    <>
      <mo {...FLAT}>(</mo>
      {children}
      <mo {...FLAT}>)</mo>
    </>
  );
}

/** Eqs. 4 to 7. */
export function AggregationEquation() {
  const isPaper = variant.value === "paper";
  const score = (at: string) =>
    isPaper ? (
      <mrow>
        <mo>‖</mo>
        <Sub of="k" at={<mi>{at}</mi>} />
        <mo>‖</mo>
      </mrow>
    ) : (
      <Sub of="s" at={<mi>{at}</mi>} />
    );
  return (
    <>
      <math display="block" aria-label="pillars, Eq. 4">
        <mi>i</mi>
        <mtext>&nbsp;is a pillar where&nbsp;</mtext>
        {score("i")}
        <mo>≥</mo>
        <Sub of="Q" at={<mi>q</mi>} />
        <Flat>
          {score("b")}
          <mo>:</mo>
          <mi>b</mi>
          <mo>∈</mo>
          <mi>B</mi>
        </Flat>
      </math>
      <math display="block" aria-label="likeness, Eq. 5">
        <Sub of="A" at={PAIR} />
        <mo>=</mo>
        <mi>ReLU</mi>
        <Flat>
          <mi>cos</mi>
          <Flat>
            <Sub of="X" at={<mi>i</mi>} />
            <mo>,</mo>
            <Sub of="X" at={<mi>j</mi>} />
          </Flat>
        </Flat>
      </math>
      <math display="block" aria-label="nearness, Eq. 6">
        <Sub of="P" at={PAIR} />
        <mo>=</mo>
        <mn>1</mn>
        <mo>−</mo>
        <mi>min</mi>
        <Flat>
          <mn>1</mn>
          <mo>,</mo>
          <Sub of="d" at={PAIR} />
          <mo>/</mo>
          <mi>τ</mi>
        </Flat>
      </math>
      <Weights />
      <p>
        X<sub>i</sub> are the features of patch i, d<sub>ij</sub> is the distance of two patches, Q<sub>q</sub> the
        q-quantile over the anchors B, and δ<sub>ij</sub> is 1 for i = j and else 0.{" "}
        {isPaper
          ? "‖k‖ is the norm of the key; the released code takes salience in its place."
          : "s is the salience, as in the released code, which also sets a collector's own weight Ŵᵢᵢ to 1 after the " +
            "division; the paper takes the norm of the key."}
      </p>
    </>
  );
}

/** Eq. 7: the two cases, and the division. */
function Weights() {
  return (
    <>
      <math display="block" aria-label="weights before the division, Eq. 7">
        <Sub of="W" at={PAIR} />
        <mo>=</mo>
        <mrow>
          <mo>{"{"}</mo>
          <mtable columnalign="left">
            <mtr>
              <mtd>
                <Sub of="δ" at={PAIR} />
              </mtd>
              <mtd>
                <mtext>if i is a pillar</mtext>
              </mtd>
            </mtr>
            <mtr>
              <mtd>
                <Sub of="A" at={PAIR} />
                <mo>·</mo>
                <Sub of="P" at={PAIR} />
              </mtd>
              <mtd>
                <mtext>if i is a collector</mtext>
              </mtd>
            </mtr>
          </mtable>
        </mrow>
      </math>
      <math display="block" aria-label="weights, Eq. 7">
        <msub>
          <mover>
            <mi>W</mi>
            <mo>^</mo>
          </mover>
          {PAIR}
        </msub>
        <mo>=</mo>
        <Sub of="W" at={PAIR} />
        <mo>/</mo>
        <munder>
          <mo>∑</mo>
          <mi>j</mi>
        </munder>
        <Sub of="W" at={PAIR} />
      </math>
    </>
  );
}

/** Ids of the policies; those of ppe are the original ones, and more for tokens that are mixed. */
export function PositionsEquation() {
  const pos = <Sub of="pos" at={<mi>j</mi>} />;
  const cell = <Sub of="I" at={<mi>j</mi>} />;
  const start = (
    <>
      <mi>s</mi>
      <mo>+</mo>
    </>
  );
  const rows: readonly (readonly [name: string, left: ComponentChildren, right: ComponentChildren])[] = [
    [
      "original",
      pos,
      <>
        {start}
        {cell}
      </>,
    ],
    [
      "compressed",
      pos,
      <>
        {start}
        <mi>j</mi>
      </>,
    ],
    ["rpme, j = 0", <Sub key="0" of="pos" at={<mn>0</mn>} />, <mi key="s">s</mi>],
    [
      "rpme, j > 0",
      pos,
      <>
        {start}
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
      </>,
    ],
  ];
  return (
    <>
      <math display="block" aria-label="position id of a kept token">
        <mtable columnalign="left">
          {rows.map(([name, left, right]) => (
            <mtr key={name}>
              <mtd>{left}</mtd>
              <mtd>
                <mo>=</mo>
                {right}
              </mtd>
              <mtd>
                <mtext>{name}</mtext>
              </mtd>
            </mtr>
          ))}
        </mtable>
      </math>
      <p>
        j counts the kept tokens from 0, I<sub>j</sub> is the patch of token j and I<sub>last</sub> that of the last
        one, N the number of all patches, and s the number of tokens before the picture. rpme: relative position mapping
        extension.
      </p>
    </>
  );
}
