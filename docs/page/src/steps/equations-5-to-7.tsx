/** Score of a visual token at the cut: attention of the last token of the prompt, mean over heads. */
export function CutEquation() {
  return (
    <math display="block">
      <msub>
        <mi>s</mi>
        <mi>v</mi>
      </msub>
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
              <msub>
                <mi>q</mi>
                <mi>a</mi>
              </msub>
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
  );
}
