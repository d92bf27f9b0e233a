// Builds static/dist and static/img/icons.svg. With --check it builds beside them and compares byte for byte.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "..", "node_modules");
const OUTPUTS = ["dist/app.css", "dist/app.js", "dist/editor.js", "dist/graphs.js", "img/icons.svg"];

function buildStyles(root) {
  const cli = join(modules, "@tailwindcss", "cli", "dist", "index.mjs");
  const command = [cli, "--input", join(here, "css", "app.css"), "--output", join(root, "dist", "app.css"), "--minify"];
  execFileSync(process.execPath, command, { cwd: here, stdio: ["ignore", "ignore", "inherit"] });
}

/** Turndown tries out the browser's parser when it is loaded, which Trusted Types forbids. We hand it parsed documents. */
const turndownWithoutTrial = {
  name: "turndown-without-trial",
  setup({ onLoad }) {
    onLoad({ filter: /turndown\.browser\.es\.js$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replace("new Parser().parseFromString('', 'text/html')", "Parser");
      if (contents === source) throw new Error("Turndown no longer tries the parser out the way we know.");
      return { contents };
    });
  },
};

function buildScript(root, source, name) {
  return build({
    entryPoints: [join(here, source)],
    outfile: join(root, "dist", name),
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    logLevel: "warning",
    plugins: [turndownWithoutTrial],
  });
}

/** One sprite of the icons named in icons.txt, each a symbol whose id is the icon's name. */
function buildIcons(root) {
  const names = readFileSync(join(here, "img", "icons.txt"), "utf8").split(/\s+/).filter(Boolean);
  const symbols = names.map((name) => {
    const source = readFileSync(join(modules, "lucide-static", "icons", `${name}.svg`), "utf8");
    const shapes = source.slice(source.indexOf(">", source.indexOf("<svg")) + 1, source.lastIndexOf("</svg>"));
    return `<symbol id="${name}" viewBox="0 0 24 24">${shapes.trim().replace(/\n\s*/g, "")}</symbol>`;
  });
  const note = "<!-- Lucide, ISC licence: static/vendor/LICENSES.md -->";
  const svg = `<svg xmlns="http://www.w3.org/2000/svg">${note}\n${symbols.join("\n")}\n</svg>\n`;
  writeFileSync(join(root, "img", "icons.svg"), svg);
}

async function buildInto(root) {
  for (const folder of ["dist", "img"]) mkdirSync(join(root, folder), { recursive: true });
  buildStyles(root);
  buildIcons(root);
  await buildScript(root, "js/app.js", "app.js");
  await buildScript(root, "editor/index.js", "editor.js");
  await buildScript(root, "graphs/index.js", "graphs.js");
}

async function check() {
  const root = mkdtempSync(join(tmpdir(), "debrief-static-"));
  try {
    await buildInto(root);
    const stale = OUTPUTS.filter((name) => !readFileSync(join(root, name)).equals(readFileSync(join(here, name))));
    for (const name of stale) console.error(`static/${name} is not what a rebuild makes: run "npm run build".`);
    return stale.length ? 1 : 0;
  } finally {
    rmSync(root, { recursive: true });
  }
}

if (process.argv.includes("--check")) {
  process.exitCode = await check();
} else {
  await buildInto(here);
}
