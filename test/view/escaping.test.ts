import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { heat } from "../../src/view/plots/heat.ts";
import { lines } from "../../src/view/plots/lines.ts";
import { stacked } from "../../src/view/plots/panel.ts";
import { shares } from "../../src/view/plots/shares.ts";
import { reportHtml } from "../../src/view/report.ts";
import { element, escaped, escapedLines } from "../../src/view/svg.ts";

/** Everything that ends a text, an attribute or an element. */
const HOSTILE = `</text></svg></pre></title><script>alert(1)</script><img src=x onerror=alert(2)>"'><b>&amp;`;

/** Elements that only a text that became markup can have made. */
function strangers(document: string): string[] {
  const { document: parsed } = parseHTML(`<html><body>${document}</body></html>`);
  return [...parsed.querySelectorAll("script, img, b, [onerror]")].map(({ tagName }) => tagName);
}

describe("texts of others", () => {
  it("are text in an element and in an attribute", () => {
    expect(escaped(HOSTILE)).not.toMatch(/[<>"]|&(?!(amp|lt|gt|quot);)/);
    expect(escaped("a\n\tb")).toBe("a b");
    expect(escapedLines("a\n b")).toBe("a\n b");
    expect(element("a", { title: '"><b>' })).toBe('<a title="&quot;&gt;&lt;b&gt;"/>');
  });

  it("are text everywhere in a report, which may load and run nothing", () => {
    const html = reportHtml({
      title: HOSTILE,
      facts: [[HOSTILE, HOSTILE]],
      sections: [
        {
          heading: HOSTILE,
          text: HOSTILE,
          svg: '<?xml version="1.0"?><svg></svg>',
          table: { head: [HOSTILE], rows: [[HOSTILE]] },
          numbers: { [HOSTILE]: HOSTILE },
        },
      ],
      command: HOSTILE,
      versions: { [HOSTILE]: HOSTILE },
    });
    const { document } = parseHTML(html);
    expect([...document.querySelectorAll("script, img, b")]).toEqual([]);
    expect(document.querySelector("h1")?.textContent).toBe(HOSTILE);
    for (const place of ["h2", "section p", "td", "section th", "figure", "details pre"])
      expect([place, document.querySelectorAll(place).length > 0]).toEqual([place, true]);
    expect(document.querySelector("section:last-of-type pre")?.textContent).toBe(HOSTILE);
    expect(html).not.toContain("<?xml");
    const policy = document.querySelector("meta[http-equiv]")?.getAttribute("content");
    expect(policy).toBe("default-src 'none'; img-src data:; style-src 'unsafe-inline'");
  });

  it("are text in plots", () => {
    const cell = { width: 600, height: 20 };
    const table = { columns: [HOSTILE], rows: [HOSTILE], values: [[1]], words: [[HOSTILE]], unit: HOSTILE, cell };
    const drawn = stacked([
      heat(HOSTILE, table),
      lines(HOSTILE, [{ name: HOSTILE, values: [1, 2] }], {
        ...{ x: HOSTILE, y: HOSTILE, references: [{ name: HOSTILE, value: 1 }] },
      }),
      shares(
        HOSTILE,
        [[0.5, 0.5]],
        [HOSTILE, "b"].map((name) => ({ name, colour: "#000000" })),
        { x: HOSTILE, y: "y" },
      ),
    ]);
    expect(strangers(drawn)).toEqual([]);
  });
});
