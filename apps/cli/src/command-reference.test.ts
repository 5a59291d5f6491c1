import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { commandReference } from "../test/command-reference.ts";
import { buildProgram } from "./program.ts";

const PAGE = fileURLToPath(new URL("../../../docs/cli.md", import.meta.url));

test("docs/cli.md is what the program's help says", async () => {
  await expect(commandReference(buildProgram({} as never, async () => {}))).toMatchFileSnapshot(PAGE);
});
