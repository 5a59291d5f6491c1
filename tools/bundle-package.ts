/**
 * Writes a package's published modules: one file for each of its exports, and what several of them share in
 * `dist/chunks`, with source maps. Other packages and Node's own modules stay imports.
 *
 * For packages that sit in somebody else's program: forty small files cost its start half as much again.
 *
 * Usage: `node ../../tools/bundle-package.ts` in the package's folder, after `tsc` has written the types.
 */
import { readFileSync } from "node:fs";
import { rolldown } from "rolldown";

interface Export {
  readonly "@promferry/source"?: string;
  readonly default?: string;
}

const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as {
  exports: Readonly<Record<string, Export | string>>;
};
const input: Record<string, string> = {};
for (const target of Object.values(exports)) {
  if (typeof target === "string") continue;
  const { "@promferry/source": source, default: published } = target;
  if (!source || !published?.startsWith("./dist/") || !published.endsWith(".js")) {
    throw new Error(
      `package.json: expected a source and ./dist/….js in each export, got ${JSON.stringify(target)}`,
    );
  }
  input[published.slice("./dist/".length, -".js".length)] = source;
}

const bundle = await rolldown({ input, platform: "node", external: /^[^./]/ });
await bundle.write({
  dir: "dist",
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name].js",
  sourcemap: true,
});
await bundle.close();
