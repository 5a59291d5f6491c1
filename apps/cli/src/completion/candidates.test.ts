import type { Command } from "commander";
import { expect, test } from "vitest";
import { runCli } from "../../test/run-cli.ts";
import { buildProgram } from "../program.ts";
import { completeWords } from "./candidates.ts";

async function answer(...words: readonly string[]): Promise<string[]> {
  const { stdout } = await runCli(["complete", "--", ...words]);
  return stdout.trimEnd().split("\n");
}

const words = async (...typed: readonly string[]) =>
  (await answer(...typed)).map((line) => line.split("\t")[0]);

for (const { name, typed, expected } of [
  { name: "a command from its first letters", typed: ["upl"], expected: ["upload-metrics", ":none"] },
  { name: "a command of a command", typed: ["config", "ch"], expected: ["check", ":none"] },
  { name: "a value out of a choice", typed: ["export", "--format", "o"], expected: ["openmetrics", ":none"] },
  {
    name: "a value behind =",
    typed: ["export", "--format=o"],
    expected: ["--format=openmetrics", ":none"],
  },
  {
    name: "an option, after another's value",
    typed: ["export", "--from", "2025-10-06", "--form"],
    expected: ["--format", ":none"],
  },
  { name: "an option that every command takes", typed: ["status", "--js"], expected: ["--json", ":none"] },
  { name: "an argument's choice", typed: ["completion", "f"], expected: ["fish", ":none"] },
  { name: "a file where an argument is one", typed: ["check-metrics", "x"], expected: [":files"] },
  { name: "a further file", typed: ["import", "x", "y"], expected: [":files"] },
  { name: "a folder where an option takes one", typed: ["status", "--dir", ""], expected: [":folders"] },
  {
    name: "nothing behind an argument that was the last",
    typed: ["check-metrics", "x", ""],
    expected: [":none"],
  },
  { name: "no option behind --", typed: ["check-metrics", "--", "--"], expected: [":files"] },
  { name: "nothing of an unknown option", typed: ["status", "--nosuch=a"], expected: [":none"] },
]) {
  test(`completes ${name}`, async () => {
    expect(await words(...typed)).toEqual(expected);
  });
}

test("hidden commands are not offered, and each line stays one", async () => {
  const lines = await answer("");
  expect(lines.some((line) => /^(complete|help)\t/.test(line))).toBe(false);
  for (const line of lines.slice(0, -1)) expect(line).toMatch(/^[a-z-]+\t\S.*$/);
});

test("every option of every command is offered by its own name", () => {
  const program = buildProgram({} as never, async () => {});
  const visit = (command: Command, path: readonly string[]): number =>
    command.commands.reduce(
      (sum, each) => sum + visit(each, [...path, each.name()]),
      command.options.filter(({ long, hidden }) => {
        if (hidden || long === "--version") return false;
        const { candidates } = completeWords(program, [...path, long ?? ""]);
        expect(candidates.map(({ word }) => word)).toContain(long);
        return true;
      }).length,
    );
  expect(visit(program, [])).toBeGreaterThan(60);
});
