import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
/** Documents whose code is run, word for word, by a test of their own, some of it in pieces. */
const RUN_BY_THEIR_OWN_TEST = ["docs/write-a-method.md"];
/** The document whose first block makes the values that every example may use. */
const PAGE = "docs/api.md";
/** Documents whose other blocks are run. */
const RUN = [PAGE, "docs/add-a-family.md"];

/** A piece of code that is shown to readers. */
export interface Example {
  /** Where it stands, for errors. */
  readonly where: string;
  readonly code: string;
  /** Whether something else compiles and runs it. */
  readonly checkedElsewhere: boolean;
  /** Whether it is run, and what it prints compared with the comments in it. */
  readonly runs: boolean;
}

/** A name that an example may use without importing it, and where it comes from. */
export interface Known {
  readonly name: string;
  /** An entry point of the package without its ending: `index`. */
  readonly entry: string;
  readonly isType: boolean;
}

/** Blocks of code of the documents, and notebooks. */
export function writtenExamples(): Example[] {
  const docs = readdirSync(join(PROJECT, "docs")).filter((name) => name.endsWith(".md"));
  const blocks = ["README.md", "CONTRIBUTING.md", ...docs.map((name) => `docs/${name}`)].flatMap((path) =>
    [...readFileSync(join(PROJECT, path), "utf8").matchAll(/^```(?:ts|js)( no-run)?\n([\s\S]*?)^```$/gm)].map(
      ([, noRun, code], i) => ({
        where: `${path}, block ${i + 1}`,
        code,
        checkedElsewhere: RUN_BY_THEIR_OWN_TEST.includes(path),
        runs: RUN.includes(path) && !(path === PAGE && i === 0) && noRun === undefined,
      }),
    ),
  );
  const notebooks = readdirSync(join(PROJECT, "notebooks"))
    .filter((name) => /^\d\d-.*\.ts$/.test(name))
    .map((name) => ({
      where: `notebooks/${name}`,
      code: readFileSync(join(PROJECT, "notebooks", name), "utf8").replaceAll('"../src/', '"./src/'),
      checkedElsewhere: true,
      runs: false,
    }));
  return [...blocks, ...notebooks];
}

/** What an example is as a module in the project's folder. */
export interface ExampleModule {
  readonly text: string;
  /** What of the package it shows, as "entry: name". */
  readonly shows: ReadonlySet<string>;
}

/** The module of the values that examples share, the first block of {@link PAGE}, and their names. */
export function contextModule(written: readonly Example[], known: readonly Known[]) {
  const { code } = written.find(({ where }) => where === `${PAGE}, block 1`) as Example;
  const text = exampleModule(code, known).text.replace(/^const /gm, "export const ");
  return { text, names: [...namesIn(code).declared] };
}

/**
 * An example with the imports that it leaves out.
 *
 * @param context the module of the values that examples share: its names and its path
 */
export function exampleModule(
  code: string,
  known: readonly Known[],
  context: { readonly names: readonly string[]; readonly path: string } = { names: [], path: "" },
): ExampleModule {
  const { used, declared, inner, imported } = namesIn(code);
  const shows = new Set<string>();
  for (const { name, entry } of imported) {
    const owner = known.find((one) => one.name === name && one.entry === entry);
    // node.ts exports all of index.ts, too.
    const there = owner ?? known.find((one) => one.name === name && entry === "node" && one.entry === "index");
    if (there) shows.add(`${there.entry}: ${name}`);
  }
  const imports = [...used]
    .filter((name) => !declared.has(name))
    .flatMap((name) => {
      const one = known.find((exported) => exported.name === name);
      // A parameter of the same name somewhere may be all that is meant: such a name is imported, but shows nothing.
      if (one && !inner.has(name)) shows.add(`${one.entry}: ${name}`);
      if (context.names.includes(name)) return [`import { ${name} } from "./${context.path}";`];
      if (one) return [`import { ${one.isType ? "type " : ""}${name} } from "./src/${one.entry}.ts";`];
      return name === "tf" ? ['import * as tf from "@tensorflow/tfjs";'] : [];
    });
  return { text: [...imports, code, "export {};", ""].join("\n"), shows };
}

/** Names in a piece of code: which it uses, declares at its outermost level, declares further in, and imports. */
function namesIn(code: string) {
  const source = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ES2022, true);
  const [used, declared, inner] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const imported: { readonly name: string; readonly entry: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const specifier = (node.moduleSpecifier as ts.StringLiteral).text;
      const [, entry] = /^(?:nuwa\/?|\.\/src\/)(\w*?)(?:\.ts)?$/.exec(specifier) ?? [];
      const bindings = node.importClause?.namedBindings;
      const elements = bindings && ts.isNamedImports(bindings) ? bindings.elements : [];
      for (const { name, propertyName } of elements) {
        declared.add(name.text);
        if (entry !== undefined) imported.push({ name: (propertyName ?? name).text, entry: entry || "index" });
      }
      if (bindings && ts.isNamespaceImport(bindings)) declared.add(bindings.name.text);
      if (node.importClause?.name) declared.add(node.importClause.name.text);
      return;
    }
    if (ts.isIdentifier(node)) {
      const { parent } = node;
      const isName = (parent as ts.NamedDeclaration).name === node;
      const isProperty = ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent);
      const isKey = ts.isBindingElement(parent) && parent.propertyName === node;
      if (ts.isShorthandPropertyAssignment(parent) || (!isName && !isKey)) used.add(node.text);
      else if (isName && !isProperty) (isOutermost(parent) ? declared : inner).add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { used, declared, inner, imported };
}

/** Whether a declaration is one of the module, not of a function or a block in it. */
function isOutermost(declaration: ts.Node): boolean {
  for (let node = declaration.parent; !ts.isSourceFile(node); node = node.parent)
    if (ts.isFunctionLike(node) || ts.isBlock(node)) return false;
  return !ts.isParameter(declaration);
}
