import { join } from "node:path";
import { expect, test } from "vitest";
import { readSamples, writeAppSession } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { closedAddress, serveReceiver } from "../../test/serve.ts";
import { StopSignal } from "../io.ts";

const config = (url: string) => `app: k1
metrics:
  enabled: true
  dir: journal
  destinations: [{ name: a, type: prometheus, url: "${url}/api/v1/write" }]
`;

/** Watches until standard output and error match; then as after SIGTERM. */
function watch(home: string, until: RegExp, ...flags: string[]) {
  const stop = new AbortController();
  const onStdout = (text: string) => {
    if (until.test(text)) stop.abort(new StopSignal("SIGTERM"));
  };
  const argv = ["upload-metrics", "--watch", "--every", "20ms", "--config", "config.yaml", ...flags];
  return runCli(argv, { home, signal: stop.signal, onStdout });
}

test("--watch uploads what comes while it runs, and ends with what the last upload ended with", async () => {
  const { url, dir } = await serveReceiver();
  const { home } = homeWith(config(url));
  await writeAppSession(join(home, "journal"));
  let added = false;
  const stop = new AbortController();
  const { exitCode, stdout, stderr } = await runCli(
    ["upload-metrics", "--watch", "--every", "20ms", "--config", "config.yaml"],
    {
      home,
      signal: stop.signal,
      onStdout(text) {
        if (/nothing to send/.test(text) && !added) {
          added = true;
          void writeAppSession(join(home, "journal"), { atMs: Date.UTC(2025, 9, 6, 13) });
        }
        if ((text.match(/[1-9]\d* samples? accepted/g)?.length ?? 0) >= 2)
          stop.abort(new StopSignal("SIGTERM"));
      },
    },
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "uploading every 20ms; Ctrl-C ends it\n" });
  expect(stdout).toContain("nothing to send");
  const views = (await readSamples(dir)).map((sample) => Number(/ (\d+)/.exec(sample)?.[1]));
  expect(Math.max(...views)).toBe(18);
});

test("--watch goes on after failures, at longer and longer distances, and says so", async () => {
  const { home } = homeWith(config(await closedAddress()));
  await writeAppSession(join(home, "journal"));
  const { exitCode, stderr } = await watch(home, /(nothing was sent[\s\S]*){3}/, "--timeout", "1ms");
  expect(exitCode).toBe(69);
  expect(stderr).toContain("promferry: next upload in 1s, after 1 failure\n");
  expect(stderr).toContain("promferry: next upload in 1s, after 2 failures\n");
});

test("--watch gives a line of JSON for each upload", async () => {
  const { url } = await serveReceiver();
  const { home } = homeWith(config(url));
  await writeAppSession(join(home, "journal"));
  const { stdout } = await watch(home, /(exitCode[\s\S]*){2}/, "--json");
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { exitCode: 0, destinations: [{ accepted: 3 }] },
    { exitCode: 0, destinations: [{ accepted: 0 }] },
  ]);
});

for (const { name, flags, exitCode, says } of [
  {
    name: "a wrong destination",
    flags: ["--watch", "--to", "b"],
    exitCode: 2,
    says: "no destination named b",
  },
  { name: "no configuration", flags: ["--watch"], exitCode: 78, says: "there is no configuration file" },
  { name: "a dry run", flags: ["--watch", "--dry-run"], exitCode: 2, says: "cannot be used with" },
  { name: "--force", flags: ["--watch", "--force"], exitCode: 2, says: "cannot be used with" },
  { name: "--every alone", flags: ["--every", "1h"], exitCode: 2, says: "--every belongs to --watch" },
]) {
  test(`watching with ${name} is exit ${exitCode}, at once`, async () => {
    const { home } = homeWith(config("http://127.0.0.1:9"));
    const given = name === "no configuration" ? [] : ["--config", "config.yaml"];
    const result = await runCli(["upload-metrics", ...flags, ...given], { home });
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(says);
  });
}
