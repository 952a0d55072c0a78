import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NuwaError } from "../../src/core/errors.ts";
import { packageOf } from "./program.ts";

/** Files in which packages carry their licences. */
const LICENCE_FILE = /^(licen[cs]e|copying|notice|copyright|third.?party)/i;

/** General texts for packages that name their licence but carry no text of it, by identifiers of SPDX. */
const TEXTS: Readonly<Record<string, string>> = { "Apache-2.0": "LICENSE", MIT: "scripts/bundle/licences/MIT.txt" };

/** The licences of the libraries inside libvips's file that ask for their whole text to go with it. */
const OF_LIBVIPS = ["LGPL-3.0.txt", "GPL-3.0.txt", "MPL-1.1.txt"];

/** The package of compiled libraries that sharp loads. */
const LIBVIPS = /^@img\/sharp-libvips-/;

/**
 * Puts the licences of packages into a folder, one folder each, named after name and version.
 *
 * @param project root of the sources
 * @param folders of the packages
 * @throws NuwaError when a package carries no licence and names none of which the text is here
 */
export function addLicences(project: string, target: string, folders: readonly string[]): void {
  for (const folder of folders) {
    const { name, version, license } = packageOf(folder);
    const own = join(target, `${name.replace("/", "+")} ${version}`);
    mkdirSync(own, { recursive: true });
    const files = readdirSync(folder).filter((file) => LICENCE_FILE.test(file));
    for (const file of files) copyFileSync(join(folder, file), join(own, file));
    if (LIBVIPS.test(name)) addLibvips(project, own, folder);
    else if (files.length === 0) writeFileSync(join(own, "LICENCE.txt"), generalText(project, folder, license));
  }
}

/** What stands for a package without a text of its own. */
function generalText(project: string, folder: string, license: string | undefined): string {
  const { name, author, repository } = packageOf(folder);
  const texts = (license ?? "").split(" AND ").map((one) => TEXTS[one]);
  if (texts.some((text) => text === undefined))
    throw new NuwaError(
      `${folder}: carries no licence file, and its licence ${license} has no text in scripts/bundle/licences. Add it.`,
    );
  const holder = typeof author === "string" ? author : (author?.name ?? `the authors of ${name}`);
  const place = typeof repository === "string" ? repository : (repository?.url ?? "");
  const named = `${name} carries no licence file. Its package.json says: ${license}.`;
  return [
    `${named}\nCopyright (c) ${holder}\n${place}\n`,
    ...texts.map((text) => readFileSync(join(project, text), "utf8")),
  ].join("\n");
}

/** libvips is under the LGPL, which asks for its text, that of the GPL, and that the library can be replaced. */
function addLibvips(project: string, own: string, folder: string): void {
  for (const text of OF_LIBVIPS) copyFileSync(join(project, "scripts/bundle/licences", text), join(own, text));
  for (const file of ["README.md", "versions.json"]) copyFileSync(join(folder, file), join(own, file));
  const { name, version } = packageOf(folder);
  const library = readdirSync(join(folder, "lib")).find((file) => file.includes("libvips"));
  writeFileSync(
    join(own, "REPLACING.txt"),
    `This bundle uses libvips and the libraries in it that README.md lists, under the LGPL, version 3 or later.
They are one shared library, which is loaded when a picture is read:

    app/node_modules/${name}/lib/${library}

You may replace that file by your own build of the same interface (the versions are in versions.json); nothing else
has to be changed. Sources and build scripts: https://github.com/lovell/sharp-libvips, tag v${version}.
`,
  );
}

/** The licence of Node, whose own file is not always beside it. */
export function addNodeLicence(project: string, target: string): void {
  const own = join(target, `node ${process.version}`);
  mkdirSync(own, { recursive: true });
  const text = readFileSync(join(project, TEXTS.MIT), "utf8");
  const place = `https://github.com/nodejs/node/blob/${process.version}/LICENSE`;
  writeFileSync(
    join(own, "LICENCE.txt"),
    `Copyright Node.js contributors. The licences of the libraries in it: ${place}\n\n${text}`,
  );
}
