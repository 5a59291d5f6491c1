/** What somebody does who has never seen it: at a real terminal, from the first look to the receipt. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  atTerminal,
  requireProgram,
  requireServer,
  startCli,
  startPushgateway,
  workspaceRoot,
} from "./harness/index.ts";

const EXAMPLE = join(workspaceRoot, "examples/k1-consent");

/** A home with `promferry` and `k1` as commands, and a configuration with these destinations. */
function home(receiver: string, gateway: string): { dir: string; env: Record<string, string> } {
  const dir = mkdtempSync(join(tmpdir(), "promferry-first-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, "bin"));
  for (const [name, main] of [
    ["promferry", join(workspaceRoot, "apps/cli/src/main.ts")],
    ["k1", join(EXAMPLE, "src/main.ts")],
  ] as const) {
    const path = join(dir, "bin", name);
    writeFileSync(
      path,
      `#!/bin/sh\nexec "${process.execPath}" --conditions=@promferry/source "${main}" "$@"\n`,
    );
    chmodSync(path, 0o755);
  }
  const config = join(dir, "config.yaml");
  writeFileSync(
    config,
    `metrics:
  dir: ${join(dir, ".k1/metrics")}
  destinations:
    - { name: company, type: prometheus, url: "${receiver}/api/v1/write" }
    - { name: gateway, type: pushgateway, url: "${gateway}" }
`,
  );
  const env = {
    PATH: `${join(dir, "bin")}:/usr/bin:/bin`,
    HOME: dir,
    TERM: "xterm",
    PS1: "$ ",
    NO_COLOR: "1",
    LC_ALL: "C.UTF-8",
    PROMFERRY_CONFIG: config,
  };
  return { dir, env };
}

test("install, look, enable, run, preview, upload, disable, forget: at a terminal", async (context) => {
  requireProgram(context, "script", "bash");
  requireServer(context, "pushgateway");
  const gateway = await startPushgateway();
  onTestFinished(gateway.stop);
  const receiver = await startCli(["receive", "--dir", mkdtempSync(join(tmpdir(), "promferry-received-"))]);
  onTestFinished(receiver.stop);
  const [url = ""] = await receiver.waitFor(/http:\/\/127\.0\.0\.1:\d+/);
  const place = home(url, gateway.url);
  const metrics = join(place.dir, ".k1/metrics");
  const { type, shows } = atTerminal(["bash", "--norc", "-i"], { ...place, timeoutMs: 60_000 });
  let commands = 0;
  /** Types a line and, to the questions in it, the answers; resolves to all that came. */
  const run = async (
    line: string,
    answers: readonly (readonly [question: string, answer: string])[] = [],
  ) => {
    // What is typed is echoed: the mark at the end is spelled otherwise.
    const mark = `ended ${++commands}:`;
    type(`${line}; echo end"ed" ${commands}:$?\n`);
    let text = "";
    for (const [question, answer] of answers) {
      text += (await shows(question)) + question;
      type(answer);
    }
    text += await shows(mark);
    return `${text}${await shows("\n")}`;
  };

  const installed = await run("promferry status");
  expect(installed).toContain("collection    off because nobody switched it on");
  expect(installed).toMatch(/0$/);
  expect(await run(`promferry catalog --catalog ${EXAMPLE}/catalog.json`)).toContain(
    "k1 may collect 3 metrics, and nothing else:",
  );
  expect(readdirSync(place.dir)).not.toContain(".k1");

  const enable = `promferry enable --catalog ${EXAMPLE}/catalog.json`;
  expect(await run(enable, [["[y/N]", "n\n"]])).toContain("Nothing was changed.");
  expect(readdirSync(place.dir)).not.toContain(".k1");
  // Ctrl-C is an answer, too.
  expect(await run(enable, [["[y/N]", "\u0003"]])).toMatch(/130$/);
  const enabled = await run(enable, [["[y/N]", "y\n"]]);
  expect(enabled).toContain("why: Says which screens deserve work, and which nobody finds.");
  expect(enabled).toContain("A frame as it will be written, with made-up values:");
  expect(enabled).toMatch(/# Written: .* origin=app consent=enabled/);
  expect(enabled).toContain("Collection is upload because its user switched it on (enable).");
  expect(readdirSync(metrics)).toEqual(["consent.json"]);

  expect(await run("k1 pods nodes pods")).toMatch(
    /── pods ──\n── nodes ──\n── pods ──\nended|── pods ──\n── nodes ──\n── pods ──\n/,
  );
  const preview = await run("promferry preview --now");
  expect(preview).toMatch(/k1_screen_views_total\{.*screen="pods".*\} 2 /);
  expect(preview).toMatch(/k1_screen_views_total\{.*screen="nodes".*\} 1 /);
  const upload = await run("promferry upload-metrics --now");
  expect(upload).toMatch(/company {2}\d+ samples accepted/);
  expect(upload).toMatch(/0$/);
  const page = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(page).toContain("k1_screen_views_total{");

  expect(await run("promferry disable")).toContain(
    "Collection is off because its user switched it off (disable).",
  );
  const before = readdirSync(metrics).sort();
  expect(await run("k1 pods")).toContain("── pods ──");
  expect(readdirSync(metrics).sort()).toEqual(before);

  const forgotten = await run("promferry forget", [["[y/N]", "y\n"]]);
  expect(forgotten).toMatch(/Receipt, \d{4}-/);
  expect(forgotten).toMatch(/erased \d+ files, .*: 2 frames of 1 session/);
  expect(forgotten).toContain("kept your no (consent.json)");
  expect(forgotten).toMatch(
    /company {2}\d+ samples accepted\n {2}nobody but who runs it can delete them: ask there; they carry user="[0-9a-f]{32}"/,
  );
  expect(forgotten).toMatch(
    /deleted the group http:\/\/127\.0\.0\.1:\d+\/metrics\/job\/k1\/user\/[0-9a-f]{32}/,
  );
  expect(forgotten).toMatch(/0$/);
  expect(readdirSync(metrics)).toEqual(["consent.json"]);
  expect(await (await fetch(`${gateway.url}/metrics`)).text()).not.toContain("k1_screen_views_total");
  expect(await run("promferry status")).toContain(
    "collection    off because its user switched it off (disable)",
  );
}, 120_000);

test("a program asks at its first run, once, and never without a terminal", async (context) => {
  requireProgram(context, "script", "bash");
  const place = home("http://127.0.0.1:9", "http://127.0.0.1:9");
  const metrics = join(place.dir, ".k1/metrics");
  const { type, shows } = atTerminal(["bash", "--norc", "-i"], { ...place, timeoutMs: 60_000 });
  type('k1 pods < /dev/null; echo end"ed"\n');
  expect(await shows("ended")).not.toContain("[y/N]");
  type('CI=true k1 pods; echo end"ed"\n');
  expect(await shows("ended")).not.toContain("[y/N]");
  expect(readdirSync(place.dir)).not.toContain(".k1");
  type('k1 pods; echo end"ed"\n');
  await shows("May k1 count? [y/N]");
  type("y\n");
  await shows("ended");
  expect(readdirSync(metrics)).toContain("consent.json");
  type('k1 nodes; echo end"ed"\n');
  expect(await shows("ended")).not.toContain("[y/N]");
  type('k1 telemetry; echo end"ed"\n');
  expect(await shows("ended")).toContain("telemetry is upload because its user switched it on (enable)");
}, 120_000);
