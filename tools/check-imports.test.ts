import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { checkImports } from "./check-imports.ts";

/** A workspace that is in order; each case adds or replaces files. */
const SOUND: Readonly<Record<string, string>> = {
  "pnpm-workspace.yaml": "packages: [packages/*, apps/*, e2e, tools]\n",
  "package.json": manifest("root", { devDependencies: { vitest: "1" } }),
  "packages/core/package.json": manifest("@p/core", {
    exports: { ".": "./src/index.ts", "./series": "./src/series.ts" },
    dependencies: { "prom-client": "1" },
  }),
  "packages/core/src/index.ts": 'export { a } from "./a.ts";\nimport "prom-client";\nimport "node:fs";\n',
  "packages/core/src/a.test.ts": 'import { test } from "vitest";\n',
  "packages/privacy/package.json": manifest("@p/privacy", {
    exports: { ".": "./src/index.ts" },
    dependencies: { "@p/core": "1" },
  }),
  "packages/privacy/src/index.ts": 'import { a } from "@p/core/series";\n',
  "packages/uploader/package.json": manifest("@p/uploader", { dependencies: { "@p/core": "1" } }),
  "e2e/package.json": manifest("@p/e2e", { private: true, devDependencies: { yaml: "1" } }),
  "e2e/a.ts": 'import "../tools/servers.mjs";\nimport "yaml";\n',
  "tools/package.json": manifest("@p/tools", { private: true }),
};

for (const { name, files, problems } of [
  { name: "accepts a workspace in order", files: {}, problems: [] },
  {
    name: "refuses an import of a higher rank",
    files: {
      "packages/privacy/package.json": manifest("@p/privacy", { dependencies: { "@p/uploader": "1" } }),
      "packages/privacy/src/index.ts": '\nimport "@p/uploader";\n',
      "packages/uploader/package.json": manifest("@p/uploader", { exports: { ".": "./src/index.ts" } }),
    },
    problems: [
      "packages/privacy/package.json:1: @p/privacy (rank 1) imports @p/uploader (rank 2); only lower ranks may be imported",
      "packages/privacy/src/index.ts:2: @p/privacy (rank 1) imports @p/uploader (rank 2); only lower ranks may be imported",
    ],
  },
  {
    name: "refuses a sibling, also in a test and as a type",
    files: {
      "packages/pushgateway/package.json": manifest("@p/pushgateway", {
        devDependencies: { "@p/privacy": "1" },
      }),
      "packages/pushgateway/src/a.test.ts": 'import type { A } from "@p/privacy";\n',
    },
    problems: [
      "packages/pushgateway/src/a.test.ts:1: @p/pushgateway (rank 1) imports @p/privacy (rank 1); only lower ranks may be imported",
    ],
  },
  {
    name: "refuses what is not declared",
    files: { "packages/core/src/b.ts": '/* a\n */ import "yaml/sub";\nimport "vitest";\n' },
    problems: [
      "packages/core/src/b.ts:2: imports yaml, which packages/core/package.json does not declare",
      "packages/core/src/b.ts:3: imports vitest, which packages/core/package.json does not declare",
    ],
  },
  {
    name: "refuses a development dependency in what is published",
    files: {
      "packages/uploader/package.json": manifest("@p/uploader", { devDependencies: { yaml: "1" } }),
      "packages/uploader/src/a.ts": 'import "yaml";\n',
      "packages/uploader/src/a.test.ts": 'import "yaml";\n',
    },
    problems: [
      "packages/uploader/src/a.ts:1: imports yaml, which packages/uploader/package.json does not declare",
    ],
  },
  {
    name: "refuses a subpath that is not exported",
    files: { "packages/privacy/src/index.ts": 'import "@p/core/src/a.ts";\n' },
    problems: ["packages/privacy/src/index.ts:1: @p/core does not export ./src/a.ts"],
  },
  {
    name: "refuses a path into another package",
    files: {
      "packages/privacy/src/index.ts": 'import "../../core/src/a.ts";\nimport "../../../tools/a.mjs";\n',
    },
    problems: [
      "packages/privacy/src/index.ts:1: ../../core/src/a.ts leaves packages/privacy; import the package by its name",
      "packages/privacy/src/index.ts:2: ../../../tools/a.mjs leaves packages/privacy; import the package by its name",
    ],
  },
  {
    name: "asks for a rank",
    files: { "packages/new/package.json": manifest("@p/new", {}) },
    problems: ["packages/new/package.json:1: has no rank; give it one in tools/check-imports.ts"],
  },
  {
    name: "does not look into builds and installed packages",
    files: { "packages/core/dist/a.js": 'import "x";', "packages/core/node_modules/y/a.js": 'import "x";' },
    problems: [],
  },
]) {
  test(`the fence ${name}`, ({ onTestFinished }) => {
    const root = mkdtempSync(join(tmpdir(), "promferry-fence-"));
    onTestFinished(() => rmSync(root, { recursive: true }));
    for (const [file, content] of Object.entries({ ...SOUND, ...files })) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), content);
    }
    expect(checkImports(root)).toEqual(problems);
  });
}

function manifest(name: string, fields: object): string {
  return JSON.stringify({ name, ...fields });
}
