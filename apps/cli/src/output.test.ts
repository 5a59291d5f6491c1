import { expect, test } from "vitest";
import { createRedactor } from "./credentials/redactor.ts";
import type { CliIo, TextSink } from "./io.ts";
import { createOutput, type OutputOptions } from "./output.ts";

function outputOn(
  terminal: boolean,
  env: Record<string, string> = {},
  isJson = false,
  more: OutputOptions = {},
) {
  const written = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr"): TextSink => ({
    write(text) {
      written[name] += text;
      return true;
    },
    drained: async () => {},
    isTerminal: terminal,
    columns: () => 20,
  });
  const redactor = createRedactor();
  const io = { stdout: sink("stdout"), stderr: sink("stderr"), env } as unknown as CliIo;
  return { out: createOutput(io, redactor, { json: isJson, ...more }), written, redactor };
}

for (const { name, terminal, env, isPainted } of [
  { name: "a terminal gets colour", terminal: true, env: {}, isPainted: true },
  { name: "a pipe gets none", terminal: false, env: {}, isPainted: false },
  { name: "NO_COLOR is obeyed", terminal: true, env: { NO_COLOR: "1" }, isPainted: false },
  { name: "an empty NO_COLOR means nothing", terminal: true, env: { NO_COLOR: "" }, isPainted: true },
  { name: "a dumb terminal gets none", terminal: true, env: { TERM: "dumb" }, isPainted: false },
]) {
  test(name, () => {
    const { out } = outputOn(terminal, env);
    expect(out.style.red("x")).toBe(isPainted ? "\u001b[31mx\u001b[39m" : "x");
  });
}

test("progress shows on a terminal alone and is gone before the next line", () => {
  const { out, written } = outputOn(true);
  out.progress("half");
  out.line("done");
  expect(written).toEqual({ stdout: "done\n", stderr: "\r\u001b[2Khalf\r\u001b[2K" });
  for (const quiet of [outputOn(false), outputOn(true, {}, true), outputOn(true, { TERM: "dumb" })]) {
    quiet.out.progress("half");
    expect(quiet.written.stderr).toBe("");
  }
});

test("under --json lines for people are silent, and secrets are hidden in everything", async () => {
  const { out, written, redactor } = outputOn(false, {}, true);
  redactor.add("s3cret");
  out.line("for people");
  out.json({ token: "s3cret" });
  out.note("s3cret");
  await out.data("s3cret\n");
  expect(written).toEqual({ stdout: '{"token":"[redacted]"}\n[redacted]\n', stderr: "[redacted]\n" });
});

test("--no-color paints nothing on a terminal", () => {
  expect(outputOn(true, {}, false, { color: false }).out.style.red("x")).toBe("x");
});

for (const { options, stderr } of [
  { options: {}, stderr: "error\nnote\n" },
  { options: { quiet: true }, stderr: "error\n" },
  { options: { verbose: true }, stderr: "error\nnote\ndetail\n" },
]) {
  test(`with ${JSON.stringify(options)} standard error has ${JSON.stringify(stderr)}, and results stay`, () => {
    const { out, written } = outputOn(false, {}, false, options);
    out.error("error");
    out.note("note");
    out.detail("detail");
    out.line("result");
    expect(written).toEqual({ stderr, stdout: "result\n" });
  });
}

test("progress is silent under --quiet", () => {
  const { out, written } = outputOn(true, {}, false, { quiet: true });
  out.progress("half");
  expect(written.stderr).toBe("");
});

test("a table fits the terminal, and a pipe gets all of it", () => {
  const rows = [["a", "0123456789012345678901234567890"]];
  const shown = [true, false].map((terminal) => {
    const { out, written } = outputOn(terminal);
    out.table(rows);
    return written.stdout;
  });
  expect(shown).toEqual(["a  0123456789012345…\n", "a  0123456789012345678901234567890\n"]);
});
