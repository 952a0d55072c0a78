import { join } from "node:path";
import ts from "typescript";
import { contextModule, type Example, exampleModule, type Known, PROJECT } from "./examples.ts";

/** The entry points of the package, in the order in which a name is looked for. */
const ENTRIES = ["index", "node", "analysis", "laws", "eval", "train", "world"] as const;
/** The module of the values that examples share, which lies beside the sources while they are run. */
export const CONTEXT = ".example-context.ts";

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
  types: ["node"],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  paths: { nuwa: [join(PROJECT, "src/index.ts")], "nuwa/*": [join(PROJECT, "src/*.ts")] },
};

/** What {@link checkExamples} finds. */
export interface Checked {
  readonly exported: readonly Known[];
  /** Names that no example shows, as "entry: name". */
  readonly unseen: readonly string[];
  /** What does not compile, as "where: message". */
  readonly errors: readonly string[];
  /** The text of {@link CONTEXT}. */
  readonly context: string;
  /** The examples that are run, each as a module. */
  readonly running: readonly { readonly example: Example; readonly text: string }[];
}

/**
 * Compiles all examples against the sources, and lists what they leave out. An example imports by name, or uses what
 * the entry points export, `tf` and the shared values without importing it.
 *
 * A type counts as shown, too, where it is part of the signature of something that is shown, or of such a type.
 */
export function checkExamples(written: readonly Example[]): Checked {
  const host = ts.createCompilerHost(OPTIONS);
  const roots = ENTRIES.map((entry) => join(PROJECT, "src", `${entry}.ts`));
  const first = ts.createProgram(roots, OPTIONS, host);
  const api = exportsOf(first);
  const context = contextModule(written, api);
  const shared = { names: context.names, path: CONTEXT };
  const examples = [...written, ...commentExamples([...new Set(api.flatMap(({ declarations }) => declarations))])];
  const modules = examples.map((example) => ({ example, ...exampleModule(example.code, api, shared) }));
  const files = new Map(
    modules.flatMap(({ example, text }, i) =>
      example.checkedElsewhere ? [] : [[join(PROJECT, `.example-${i}.ts`), { where: example.where, text }] as const],
    ),
  );
  files.set(join(PROJECT, CONTEXT), { where: CONTEXT, text: context.text });

  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, ...rest) => {
    const file = files.get(name);
    if (file) return ts.createSourceFile(name, file.text, rest[0], true);
    // Files that the first program has read are not parsed again.
    return first.getSourceFile(name) ?? getSourceFile(name, ...rest);
  };
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name)?.text ?? readFile(name);
  const program = ts.createProgram([...roots, ...files.keys()], OPTIONS, host, first);
  const errors = [...files].flatMap(([name, { where }]) => {
    const source = program.getSourceFile(name) as ts.SourceFile;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) => `${where}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
  });

  const shown = new Set(modules.flatMap(({ shows }) => [...shows]));
  const isShown = ({ entry, name }: Known) => shown.has(`${entry}: ${name}`);
  const reached = reachableTypes(first, api.filter(isShown));
  const unseen = api.filter((one) => !isShown(one) && !(one.isType && reached.has(one.symbol)));
  return {
    exported: api,
    unseen: unseen.map(({ entry, name }) => `${entry}: ${name}`),
    errors,
    context: context.text,
    running: modules.filter(({ example }) => example.runs),
  };
}

/** The examples in the comments of exported declarations and of their members. */
function commentExamples(declarations: readonly ts.Declaration[]): Example[] {
  return declarations.flatMap((declaration) => {
    const holder = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    const members = ts.isInterfaceDeclaration(declaration) ? [...declaration.members] : [];
    const tags = [holder, ...members].flatMap((node) => ts.getJSDocTags(node));
    return tags
      .filter(({ tagName }) => tagName.text === "example")
      .map(({ comment }) => ({
        where: `${declaration.getSourceFile().fileName.replace(PROJECT, "")}, @example`,
        code: (ts.getTextOfJSDocComment(comment) ?? "").replace(/^```ts\n|\n```$/g, ""),
        checkedElsewhere: false,
        runs: false,
      }));
  });
}

/** An exported thing with what the compiler knows of it. */
interface Api extends Known {
  readonly symbol: ts.Symbol;
  readonly declarations: readonly ts.Declaration[];
}

/** Each exported thing once, of the first entry point that exports it. */
function exportsOf(program: ts.Program): Api[] {
  const checker = program.getTypeChecker();
  const met = new Set<ts.Symbol>();
  return ENTRIES.flatMap((entry) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(PROJECT, "src", `${entry}.ts`)) as ts.Node);
    return checker.getExportsOfModule(module as ts.Symbol).flatMap((found) => {
      const symbol = found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found;
      if (met.has(symbol)) return [];
      met.add(symbol);
      const isType = (symbol.flags & ts.SymbolFlags.Value) === 0;
      return [{ name: found.name, entry, isType, symbol, declarations: symbol.declarations ?? [] }];
    });
  });
}

/** Types in the signatures of what is shown, and in those types. */
function reachableTypes(program: ts.Program, shown: readonly Api[]): Set<ts.Symbol> {
  const checker = program.getTypeChecker();
  const reached = new Set<ts.Symbol>();
  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node)) return;
    if (
      ts.isIdentifier(node) &&
      (ts.isTypeReferenceNode(node.parent) || ts.isExpressionWithTypeArguments(node.parent))
    ) {
      const found = checker.getSymbolAtLocation(node);
      const symbol = found && found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found;
      if (symbol && !reached.has(symbol)) {
        reached.add(symbol);
        for (const declaration of symbol.declarations ?? [])
          if (declaration.getSourceFile().fileName.startsWith(join(PROJECT, "src"))) visit(declaration);
      }
    }
    ts.forEachChild(node, visit);
  };
  for (const { declarations } of shown) declarations.forEach(visit);
  return reached;
}
