import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createCollector } from "@promferry/collector";
import { counter, defineMetrics, gauge } from "@promferry/core";
import { expect, test } from "vitest";
import { writeAppSession } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serve } from "../../test/serve.ts";

const CONFIG = (url: string, more = "") => `app: k1
metrics:
  dir: journal
${more}  destinations:
    - { name: prom, type: prometheus, url: "${url}" }
    - { name: own, type: http, url: "${url}", external_labels: { team: a }, write_relabel_configs: [{ source_labels: [__name__], regex: k1_gone, action: drop }] }
`;

/** A program whose catalogue has labels that must not leave, and a value that looks like a person's. */
async function recordProgram(dir: string): Promise<void> {
  const closed = ["a", "b"];
  const metrics = defineMetrics(
    { namespace: "k1" },
    {
      views: counter({
        name: "views_total",
        help: "Views.",
        labels: { namespace: closed, who: ["bob@example.com", "x"] },
      }),
      cached: gauge({ name: "cached", help: "Cached.", labels: { namespace: closed } }),
      gone: gauge({ name: "gone", help: "Gone." }),
    },
  );
  for (const namespace of ["a", "b"] as const) {
    metrics.views.inc({ namespace, who: "bob@example.com" });
    metrics.cached.set({ namespace }, 1);
  }
  metrics.gone.set(1);
  const consent = { config: { enabled: true } };
  const collector = createCollector({
    catalogue: metrics,
    dir,
    app: "k1",
    consent,
    env: {},
    filter: (s) => s,
  });
  await collector.start();
  await collector.stop();
}

test("privacy explain says what leaves, what stays and why, and what merges, for each destination", async () => {
  const url = await serve(() => expect.fail("nothing is to be sent"));
  const { home } = homeWith(CONFIG(url));
  await recordProgram(join(home, "journal"));
  const { exitCode, stdout } = await runCli(["privacy", "explain", "--config", "config.yaml"], { home });

  expect(exitCode).toBe(0);
  const [prom = "", own = ""] = stdout.split("\n\n");
  const added = "    labels added: arch, os, user";
  expect(prom.split("\n").filter((line) => !line.startsWith(added))).toEqual([
    "prom  of 2 frames with 5 series 2 series leave",
    "  metric          type     series  leave",
    "  k1_views_total  counter       2      1",
    "    labels dropped: namespace",
    "    values changed in: who",
    "    2 series become 1: added up",
    "  k1_cached       gauge         2      0",
    "    labels dropped: namespace",
    "    2 series become 1: stays here: no across.labels says how",
    "  k1_gone         gauge         1      1",
  ]);
  expect(own).toContain(
    "  k1_gone         gauge         1      0\n    1 stay: dropped by write_relabel_configs\n",
  );
  expect(own).toContain("labels added: arch, os, team, user");
});

test("the table of privacy explain is no wider than the terminal", async () => {
  const { home } = homeWith(CONFIG("https://p.example"));
  await recordProgram(join(home, "journal"));
  const argv = ["privacy", "explain", "--to", "prom", "--no-color", "--config", "config.yaml"];
  const { stdout } = await runCli(argv, { home, terminal: true, columns: 38 });
  expect(stdout).toContain(
    "  metric        type     series  leave\n  k1_views_to…  counter       2      1\n",
  );
});

test("privacy explain names the frames that stay, and under --json all of it", async () => {
  const { home } = homeWith(CONFIG("https://p.example"));
  await writeAppSession(join(home, "journal"));
  const run = await runCli(["privacy", "explain", "--to", "own", "--json", "--config", "config.yaml"], {
    home,
    env: { DO_NOT_TRACK: "1" },
  });
  expect(run.json()).toEqual({
    destinations: [
      {
        destination: "own",
        frames: 0,
        framesStay: [{ reason: "DO_NOT_TRACK is set", frames: 3 }],
        metrics: [],
        capped: [],
      },
    ],
  });
});

test("what blocks an upload is told by privacy explain and preview too, with exit code 65", async () => {
  const { home } = homeWith(CONFIG("https://p.example", "  scan: { email: block }\n"));
  await recordProgram(join(home, "journal"));
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home });
  const explained = await cli("privacy", "explain");
  expect(explained.exitCode).toBe(65);
  expect(explained.stdout).toContain("2 stay: its label who looks like email");
  expect(explained.stderr).toContain("of the metric k1_views_total its label who looks like email");
  expect((await cli("preview", "--now")).exitCode).toBe(65);
});

test("preview --write keeps each request as it is sent, to the byte, and decoded", async () => {
  const sent: Buffer[] = [];
  const url = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      sent.push(Buffer.concat(chunks));
      response.writeHead(204).end();
    });
  });
  const { home } = homeWith(CONFIG(url, "  identity: hostname-sha256\n"));
  await writeAppSession(join(home, "journal"));
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home });

  const { stdout } = await cli("preview", "--write", "requests");
  expect((await cli("upload-metrics")).exitCode).toBe(0);

  const read = (name: string) => readFileSync(join(home, "requests", name));
  expect(readdirSync(join(home, "requests")).sort()).toEqual([
    "own-0001.bin",
    "own-0001.txt",
    "prom-0001.bin",
    "prom-0001.txt",
  ]);
  expect(stdout).toContain(`wrote ${join(home, "requests", "prom-0001.bin")}`);
  expect(["prom-0001.bin", "own-0001.bin"].map(read).sort(Buffer.compare)).toEqual(sent.sort(Buffer.compare));
  expect(read("prom-0001.txt").toString()).toMatch(
    /^POST http.*\n[\s\S]*\n\nk1_views_total\{arch="x64",os="linux",screen="pods",user="[0-9a-f]{64}",version="1.2.3"\} 0 \d+\n/,
  );
  expect(read("own-0001.txt").toString()).toContain('team="a"');
});
