import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkDocs } from "./check-docs.ts";

const PAGE = `# A page

\`\`\`ts
import assert from "node:assert/strict";
import { answer } from "@p/core";
import { homedir } from "node:os";
assert.equal(answer satisfies number, 42);
assert.equal(process.cwd(), homedir());
\`\`\`

\`\`\`ts no-run
throw new Error("not run");
\`\`\`

\`\`\`sh
exit 1
\`\`\`

\`\`\`ts
import { answer } from "@p/core";

if (answer === 42) throw new Error("as it must");
\`\`\`
`;

test("a block that fails is reported with the page's own line, the others run", async ({
  onTestFinished,
}) => {
  const root = mkdtempSync(join(tmpdir(), "promferry-docs-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "packages/core"), { recursive: true });
  writeFileSync(join(root, "pnpm-workspace.yaml"), "packages: [packages/*]\n");
  writeFileSync(
    join(root, "packages/core/package.json"),
    JSON.stringify({ name: "@p/core", exports: { ".": { "@promferry/source": "./core.ts" } } }),
  );
  writeFileSync(join(root, "packages/core/core.ts"), "export const answer: number = 42;\n");
  writeFileSync(join(root, "README.md"), PAGE);

  expect(await checkDocs(root)).toEqual({
    count: 2,
    failures: [expect.stringMatching(/^README\.md:22: exit 1\n[\s\S]*Error: as it must/)],
  });
});
