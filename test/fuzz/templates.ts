import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { loadChatTemplate } from "../../src/io/prompt.ts";
import type { ChatMessage } from "../../src/pipeline/processor.ts";
import { withDamage } from "./damage.ts";
import type { Case, Target } from "./target.ts";

const MESSAGES: readonly ChatMessage[] = [
  { role: "system", content: [{ type: "text", text: "Be brief." }] },
  { role: "user", content: [{ type: "image" }, { type: "text", text: "What é 猫?" }] },
];

/** What jinja2 would write, in the language that the templates are drawn in; loops end early by a value. */
type Value = string | number | boolean;
class Leave extends Error {
  written = "";
  readonly how: "break" | "continue";
  constructor(how: "break" | "continue") {
    super(how);
    this.how = how;
  }
}
interface Part {
  readonly source: string;
  readonly run: (scope: ReadonlyMap<string, Value>) => string;
}

/** Without line ends: those behind a block are a rule of their own, and fixtures compare them with jinja2. */
const word = fc.string({ unit: fc.constantFrom(..."aB1é猫 .:<>|_%#&'"), minLength: 1, maxLength: 5 });
const plain = word.filter((text) => text.trim() === text).map((text): Part => ({ source: text, run: () => text }));
const literal = word.map((text) => ({ source: JSON.stringify(text), value: text }));
const expression: fc.Arbitrary<Part> = fc.oneof(
  literal.map(({ source, value }): Part => ({ source: `{{ ${source} }}`, run: () => value })),
  literal.map(({ source, value }): Part => ({ source: `{{ ${source} | upper }}`, run: () => value.toUpperCase() })),
  literal.map(({ source, value }): Part => ({ source: `{{ ${source} | trim }}`, run: () => value.trim() })),
  literal.map(
    ({ source, value }): Part => ({ source: `{{ ${source} | length }}`, run: () => String([...value].length) }),
  ),
  fc.integer({ min: -9, max: 9 }).map((n): Part => ({ source: `{{ 3 + (${n}) * 2 }}`, run: () => String(3 + n * 2) })),
  fc
    .constantFrom("x", "y")
    .map((name): Part => ({ source: `{{ ${name} }}`, run: (scope) => String(scope.get(name) ?? "") })),
  fc.constant<Part>({ source: "{{ messages[1].role ~ messages | length }}", run: () => "user2" }),
  fc.constant<Part>({ source: "{{ messages[1]['content'][1]['text'] }}", run: () => "What é 猫?" }),
);

/** Parts one after another; a loop that is left keeps what was written. */
function joined(parts: readonly Part[]): Part {
  const run = (scope: ReadonlyMap<string, Value>) => {
    let written = "";
    for (const part of parts) {
      try {
        written += part.run(scope);
      } catch (error) {
        if (error instanceof Leave) error.written = written + error.written;
        throw error;
      }
    }
    return written;
  };
  return { source: parts.map(({ source }) => source).join(""), run };
}

function loopOf(name: string, items: readonly number[], body: Part, none: Part): Part {
  const run = (scope: ReadonlyMap<string, Value>) => {
    let written = "";
    let ended = false;
    for (const item of items) {
      try {
        written += body.run(new Map([...scope, [name, item]]));
        ended = true;
      } catch (error) {
        if (!(error instanceof Leave)) throw error;
        written += error.written;
        if (error.how === "break") break;
      }
    }
    return ended ? written : written + none.run(scope);
  };
  return { source: `{% for ${name} in [${items}] %}${body.source}{% else %}${none.source}{% endfor %}`, run };
}

function leaveAt(name: string, at: number, how: "break" | "continue"): Part {
  const run = (scope: ReadonlyMap<string, Value>) => {
    if (scope.get(name) === at) throw new Leave(how);
    return "";
  };
  return { source: `{% if ${name} == ${at} %}{% ${how} %}{% endif %}`, run };
}

const { block } = fc.letrec<{ part: Part; block: Part; loop: Part }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    plain,
    expression,
    tie("loop"),
    fc.tuple(fc.constantFrom("x", "y"), fc.nat(3), tie("block"), tie("block")).map(
      ([name, than, yes, no]): Part => ({
        source: `{% if ${name} == ${than} %}${yes.source}{% else %}${no.source}{% endif %}`,
        run: (scope) => (scope.get(name) === than ? yes.run(scope) : no.run(scope)),
      }),
    ),
    word.map((text): Part => ({ source: `{# ${text} #}`, run: () => "" })),
  ),
  block: fc.array(tie("part"), { maxLength: 4 }).map(joined),
  loop: fc
    .tuple(fc.constantFrom("x", "y"), fc.array(fc.nat(3), { maxLength: 4 }), tie("block"), tie("block"), fc.nat(3))
    .chain(([name, items, before, behind, at]) =>
      fc
        .constantFrom("break" as const, "continue" as const)
        .map((how) =>
          loopOf(name, items, joined([before, leaveAt(name, at, how), behind]), { source: "-", run: () => "-" }),
        ),
    ),
}));
const whole = block
  // Braces that come together by chance would begin something else, and an empty template is refused.
  .filter(({ source }) => source.trim() !== "" && !/\{#[^ ]|[^ ]#\}/.test(source))
  .map((part): Case => ({ bytes: Buffer.from(part.source), wanted: part.run(new Map()) }));

/** Chat templates, which are programs. */
export const templates: Target = {
  name: "templates",
  cases: 150,
  inputs: withDamage(whole, [
    "{{",
    "}}",
    "{%",
    "%}",
    "{% for x in range(99999) %}",
    "{% endfor %}",
    "* 9",
    "{%- ",
    "|",
  ]),
  // A loop may take the five seconds that it is allowed, on both threads.
  seconds: 16,
  read(path) {
    const folder = `${path}-folder`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/chat_template.jinja`, readFileSync(path));
    return loadChatTemplate(folder, "own").render(MESSAGES);
  },
};
