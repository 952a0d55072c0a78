import { regionSize } from "../state/state.ts";
import { bounds, type Covering, candidates, coverings, stage1Budget } from "./coverage.ts";

/** Why a region may stay empty, or cannot. */
export function Candidates() {
  const { regions, perRegion, all, fewest, isEverything } = candidates.value;
  const k = stage1Budget.value;
  const begun = `n = ${perRegion}: ${regions} regions have ${all} candidates together`;
  if (all === k) return <p>{`${begun}, and all of them stay. No region can be empty.`}</p>;
  if (isEverything)
    return (
      <p>{`${begun}: every patch is one, and so Nüwa keeps what plain top-k keeps. Fewer tokens set them apart.`}</p>
    );
  const left = `${begun}, and the best ${k} of them stay.`;
  if (k < regions) return <p>{`${left} k is less than the number of regions, so ${regions - k} are always empty.`}</p>;
  const canBeEmpty = all - k >= fewest;
  return (
    <p>
      {left}{" "}
      {canBeEmpty
        ? `A region is empty where all its candidates are among the ${all - k} that are left out.`
        : `Only ${all - k} ${all - k === 1 ? "is" : "are"} left out, fewer than a region has, so none is empty.`}
    </p>
  );
}

/** What holds for every salience, as it is proved in the documents. */
export function Guarantee() {
  const { value } = bounds.value;
  const { regions } = coverings.value?.aligned.coverage ?? {};
  if (!value || regions === undefined) return null;
  const isOfThis = value.keep === stage1Budget.value && value.regionSize === regionSize.value;
  return (
    // What stands below stays where it is while the numbers are computed anew.
    <p style={{ visibility: isOfThis ? "visible" : "hidden" }}>
      Whatever the salience, with this k and these regions Nüwa covers at least {value.coveredRegions} of the {regions}{" "}
      regions, and no patch is farther than {value.radius.toFixed(2)} patches from an anchor.{" "}
      {candidates.value.isEverything ? "Plain top-k is the same here." : "Plain top-k promises neither."}
    </p>
  );
}

/** How two selections cover the grid. */
export function Measures({ aligned, top }: { readonly aligned: Covering; readonly top: Covering }) {
  const rows: readonly (readonly [string, (covering: Covering) => string])[] = [
    ["covered regions", ({ coverage }) => `${coverage.coveredRegions} of ${coverage.regions}`],
    ["farthest patch", ({ coverage }) => `${coverage.radius.toFixed(2)} patches away`],
    ["star discrepancy", ({ coverage }) => coverage.discrepancy.toFixed(3)],
  ];
  return (
    <table class="measures">
      <thead>
        <tr>
          <td />
          <th scope="col">Nüwa</th>
          <th scope="col">plain top-k</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, told]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{told(aligned)}</td>
            <td>{told(top)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
