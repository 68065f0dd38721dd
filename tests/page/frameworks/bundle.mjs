// Bundles the forms of this folder: node bundle.mjs FOLDER, whose node_modules has what they import.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const source = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2]);
const require = createRequire(join(folder, "package.json"));
const { compile } = require("svelte/compiler");
const { build } = require("esbuild");

mkdirSync(join(folder, "source"), { recursive: true });
const compiled = compile(readFileSync(join(source, "form.svelte"), "utf-8"), { generate: "client" }).js.code;
writeFileSync(join(folder, "source", "form.compiled.js"), compiled);
for (const name of ["react", "vue", "svelte"]) {
  writeFileSync(join(folder, "source", `${name}.js`), readFileSync(join(source, `${name}.js`)));
}
await build({
  entryPoints: ["react", "vue", "svelte"].map((name) => join(folder, "source", `${name}.js`)),
  bundle: true,
  format: "esm",
  outdir: join(folder, "bundled"),
  conditions: ["browser", "production"],
  define: { "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false",
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false" },
});
