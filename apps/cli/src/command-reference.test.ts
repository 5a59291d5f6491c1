import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { commandReference } from "../test/command-reference.ts";
import { JSON_OUTPUT, jsonOutputSchema } from "../test/json-output.ts";
import { buildProgram } from "./program.ts";

const PAGE = fileURLToPath(new URL("../../../docs/cli.md", import.meta.url));

test("docs/cli.md is what the program's help says", async () => {
  await expect(commandReference(buildProgram({} as never, async () => {}))).toMatchFileSnapshot(PAGE);
});

const OUTPUT = fileURLToPath(new URL("../../../docs/cli-output.schema.json", import.meta.url));

test("docs/cli-output.schema.json is what the tests hold every --json to", async () => {
  await expect(`${JSON.stringify(jsonOutputSchema(), null, 2)}\n`).toMatchFileSnapshot(OUTPUT);
});

/** Commands that print data: what is documented of them is the data's own form. */
const DATA = ["export", "completion", "config schema"];

test("every command's --json is documented, and no other's", () => {
  const leaves = (command: Command, name: string): string[] => {
    const visible = command
      .createHelp()
      .visibleCommands(command)
      .filter((each) => each.name() !== "help");
    if (visible.length === 0) return [name];
    return visible.flatMap((each) => leaves(each, `${name} ${each.name()}`.trim()));
  };
  const documented = [...Object.keys(JSON_OUTPUT).filter((name) => name !== "failure"), ...DATA];
  expect(
    leaves(
      buildProgram({} as never, async () => {}),
      "",
    ).sort(),
  ).toEqual(documented.sort());
});
