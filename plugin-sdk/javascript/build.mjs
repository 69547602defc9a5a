// Builds a plugin: `node sdk/javascript/build.mjs plugin.js`, or plugin.ts, in its folder. Makes build/plugin.wasm.
//
// esbuild makes one module of the plugin, the kit and the packages, build/plugin.js; componentize-qjs puts that and the
// engine QuickJS into a component. With `spidermonkey` as the second word it is componentize-js and its engine instead.

import { mkdir, writeFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [source, engine = "quickjs"] = process.argv.slice(2);
const kit = dirname(fileURLToPath(import.meta.url));
const wit = join(kit, "../wit");
const world = "stateful";
const runsItsOwnJobs = engine === "spidermonkey";

await mkdir("build", { recursive: true });
const module = await bundle().catch(() => process.exit(1)); // esbuild has said why
await writeFile("build/plugin.js", module);
try {
  await writeFile("build/plugin.wasm", engine === "spidermonkey" ? await inSpiderMonkey() : await inQuickJs(module));
} catch (error) {
  const words = String(error.message ?? error).replace(/^[:\s]+/, "");
  console.error(`build/plugin.js does not become a component: ${words}`);
  process.exit(1);
}

async function bundle() {
  // Unlike `setup` and `handle`, these two are in the plugin's own module only if it likes.
  const exports = [
    `export * from ${JSON.stringify(resolve(source))};`,
    `import { carried } from ${JSON.stringify(join(kit, "cometbot.js"))};`,
    "export const { save, restore } = carried;",
  ];
  const { metafile, outputFiles } = await build({
    stdin: { contents: exports.join("\n"), resolveDir: ".", sourcefile: join(kit, "exports.js") },
    bundle: true,
    format: "esm",
    target: "es2023",
    mainFields: ["module", "main"],
    conditions: ["cometbot", "module"],
    external: ["cometbot:*", "wasi:*"],
    inject: [...(runsItsOwnJobs ? [] : [join(kit, "promise.js")]), join(kit, "globals.js")],
    // `await` becomes calls of the kit's Promise: see promise.js.
    supported: runsItsOwnJobs ? {} : { "async-await": false, "async-generator": false, "for-await": false },
    sourcemap: "external",
    outfile: "build/plugin.js",
    write: false,
    metafile: true,
    logLevel: "warning",
  });
  for (const name of ["setup", "handle"]) {
    if (metafile.outputs["build/plugin.js"].exports.includes(name)) continue;
    console.error(`${source} exports no ${name}: write \`export const { setup, handle } = plugin({ … });\``);
    process.exit(1);
  }
  const text = (ending) => outputFiles.find((file) => file.path.endsWith(ending)).text;
  const module = text(".js");
  const table = JSON.stringify(lines(module, JSON.parse(text(".map"))));
  return `${module}globalThis[Symbol.for("cometbot.lines")] = ${table};\n`;
}

/** Where the lines of the bundle come from: see inSource in words.js. */
function lines(module, map) {
  const found = new SourceMap(map);
  const stretches = [];
  for (const [index, line] of module.split("\n").entries()) {
    const { generatedLine, originalSource, originalLine } = found.findEntry(index, line.length);
    if (generatedLine !== index) continue;
    const path = resolve("build", originalSource);
    const file = path.startsWith(kit) ? "" : relative(".", path).replaceAll("\\", "/");
    const [first, last, lastLine] = stretches.at(-1) ?? [];
    const follows = file === last && (file === "" || originalLine - index === lastLine - first);
    if (!follows) stretches.push([index + 1, file, originalLine + 1]);
  }
  return stretches;
}

async function inQuickJs(jsSource) {
  const { componentize } = await import("componentize-qjs");
  const { component } = await componentize({ witPath: wit, jsSource, jsPath: "build/plugin.js", world, sync: true });
  return component;
}

async function inSpiderMonkey() {
  const { componentize } = await import("@bytecodealliance/componentize-js");
  const { component } = await componentize({
    sourcePath: "build/plugin.js",
    witPath: wit,
    worldName: world,
    disableFeatures: ["http", "fetch-event"],
  });
  return component;
}
