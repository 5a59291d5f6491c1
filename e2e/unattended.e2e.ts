/**
 * Files of the seed's own form, imported and brought to a real Prometheus by what runs without its user: a watch,
 * and the very line that goes into a crontab.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import {
  requireServer,
  runCli,
  samplesOf,
  startCli,
  startProgram,
  startPrometheus,
} from "./harness/index.ts";

const MINUTE_MS = 60_000;

/** Blocks five minutes apart, beginning at `startMs`; a counter that falls, as after a restart. */
function seedFile(startMs: number, values: readonly number[]): string {
  const blocks = values.map((value, i) => {
    const atMs = startMs + i * 5 * MINUTE_MS;
    const written = new Date(atMs).toISOString().replace(/\.\d+Z$/, "Z");
    return `# Written: ${written}
k1_screen_views_total{screen="pods",user="anonymized"} ${value} ${atMs + 123}
k1_terminal_width ${80 + i} ${atMs + 123}
`;
  });
  return blocks.join("");
}

async function setUp(context: TestContext) {
  requireServer(context, "prometheus");
  const prometheus = await startPrometheus({ outOfOrderTimeWindow: "30d" });
  context.onTestFinished(prometheus.stop);
  const home = await mkdtemp(join(tmpdir(), "promferry-unattended-"));
  context.onTestFinished(() => rm(home, { recursive: true, force: true }));
  const config = {
    app: "k1",
    metrics: {
      dir: join(home, "journal"),
      destinations: [{ name: "there", type: "prometheus", url: `${prometheus.url}/api/v1/write` }],
    },
  };
  await writeFile(join(home, "config.yaml"), JSON.stringify(config));
  const startMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 26 * 60 * MINUTE_MS;
  await writeFile(join(home, "yesterday.prom"), seedFile(startMs, [5, 9, 2, 4]));
  const stored = async () => {
    const found = await samplesOf(prometheus.url, '{__name__=~"k1_.+"}', startMs, Date.now());
    return Object.fromEntries(
      found.map(({ labels, samples }) => [
        labels["__name__"],
        samples.map(({ timestampMs, value }) => [timestampMs - startMs, value]),
      ]),
    );
  };
  const times = [0, 5, 10, 15].map((minutes) => minutes * MINUTE_MS + 123);
  const expected = {
    k1_screen_views_total: times.map((at, i) => [at, String([5, 9, 2, 4][i])]),
    k1_terminal_width: times.map((at, i) => [at, String(80 + i)]),
  };
  return { home, stored, expected, args: ["--config", join(home, "config.yaml")] };
}

test("what is imported while a watch runs is stored as it was, once, and the watch ends with 0", async (context) => {
  const { home, stored, expected, args } = await setUp(context);
  const watch = await startCli(["upload-metrics", "--watch", "--every", "500ms", ...args]);
  context.onTestFinished(watch.stop);
  await watch.waitFor(/nothing to send/);

  expect(await runCli(["import", join(home, "yesterday.prom"), ...args])).toMatchObject({ code: 0 });
  await watch.waitFor(/8 samples accepted/);
  expect(await runCli(["import", join(home, "yesterday.prom"), ...args])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("the journal has it already"),
  });

  watch.kill("SIGTERM");
  expect(await watch.done).toMatchObject({ code: 0, signal: null });
  expect(await stored()).toEqual(expected);
  expect(await runCli(["journal", "verify", ...args])).toMatchObject({ code: 0 });
});

test("the line for a crontab uploads, started as cron starts it", async (context) => {
  const { home, stored, expected, args } = await setUp(context);
  await runCli(["import", join(home, "yesterday.prom"), ...args]);
  const printed = await runCli(["upload-metrics", "--install-schedule", "cron", "--json", ...args]);
  const { files } = JSON.parse(printed.stdout) as { files: [{ content: string }] };
  const [, line = ""] = files[0].content.split("\n");
  const command = line.replace(/^(\S+ ){5}/, "").replaceAll("\\%", "%");

  const cron = await startProgram("/bin/sh", ["-c", command], { cwd: "/", env: { PATH: "/usr/bin:/bin" } });
  expect(await cron.done).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(await stored()).toEqual(expected);
});
