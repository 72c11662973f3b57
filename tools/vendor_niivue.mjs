// Makes static/vendor/niivue/ from npm's packages at pinned versions:
//
//     node tools/vendor_niivue.mjs
//
// Needs Node.js and npm, and nothing that stays: it works in a temporary folder. What it changes of NiiVue, and why:
// - zarrita (chunked remote volumes) is left out: the viewer hands over voxels that it has already. Two thirds smaller.
// - the font sheet and the matcap lie beside the bundle as files instead of data: addresses, which the
//   Content-Security-Policy does not allow (img-src 'self').

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const TARGET = fileURLToPath(new URL("../static/vendor/niivue/", import.meta.url));
const PACKAGES = {
  "@niivue/niivue": "0.69.0",
  "@lukeed/uuid": "2.0.1",
  "@ungap/structured-clone": "1.4.0",
  "array-equal": "1.0.2",
  fflate: "0.8.3",
  "gl-matrix": "3.4.4",
  "nifti-reader-js": "0.8.0",
};
const BUILDER = { esbuild: "0.28.2" };
const LICENCES = ["LICENSE", "LICENSE.md", "license"];
const PICTURES = [
  { name: "Shiny_default", mark: "data:image/jpeg;base64,", file: "matcap.jpg" },
  { name: "Roboto_Regular_default", mark: "data:image/png;base64,", file: "font.png" },
];

// The npm package carries no licence text; this is the one in its repository.
const NIIVUE = `BSD 2-Clause License

Copyright (c) 2021, Niivue
All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`;

const folder = mkdtempSync(join(tmpdir(), "niivue-"));
try {
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ private: true, type: "module", dependencies: { ...PACKAGES, ...BUILDER }, overrides: PACKAGES }),
  );
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    stdio: "inherit",
  });
  writeFileSync(join(folder, "entry.js"), 'export { NVImage, Niivue, SLICE_TYPE } from "@niivue/niivue";\n');
  const gone = ["FetchStore", "get", "open", "root", "slice", "tryWithConsolidated", "withConsolidated", "registry"];
  writeFileSync(
    join(folder, "no-zarr.js"),
    `const no = () => { throw new Error("Zarr is left out of this build."); };\nexport { ${gone.map((name) => `no as ${name}`).join(", ")} };\n`,
  );
  const { build } = await import(pathToFileURL(join(folder, "node_modules/esbuild/lib/main.js")).href);
  await build({
    absWorkingDir: folder,
    entryPoints: ["entry.js"],
    outfile: join(TARGET, "niivue.js"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    alias: { zarrita: "./no-zarr.js" },
    banner: { js: `// NiiVue ${PACKAGES["@niivue/niivue"]}, made by tools/vendor_niivue.mjs. Licences: LICENSE beside this file.` },
    plugins: [{ name: "pictures", setup: (made) => made.onLoad({ filter: /niivue\/build\/niivue\/index\.js$/ }, apart) }],
  });
  writeFileSync(join(TARGET, "LICENSE"), licences());
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Writes the embedded pictures as files and lets the bundle name those. */
function apart({ path }) {
  let contents = readFileSync(path, "utf8");
  for (const { name, mark, file } of PICTURES) {
    const found = contents.match(new RegExp(`var ${name} = "${mark}([^"]+)";`));
    if (!found) throw new Error(`${name} is not where it was: look at this version of NiiVue`);
    writeFileSync(join(TARGET, file), Buffer.from(found[1], "base64"));
    contents = contents.replace(found[0], `var ${name} = new URL("./${file}", import.meta.url).href;`);
  }
  return { contents, loader: "js" };
}

function licences() {
  return Object.entries(PACKAGES)
    .map(([name, version]) => {
      const home = join(folder, "node_modules", name);
      const { license } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
      const text = LICENCES.map((file) => {
        try {
          return readFileSync(join(home, file), "utf8");
        } catch {
          return "";
        }
      }).find(Boolean);
      return `${name} ${version} (${license})\n\n${(text ?? NIIVUE).trim()}\n`;
    })
    .join("\n----------------------------------------------------------------\n\n");
}
