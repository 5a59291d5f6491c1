import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Catalogue, catalogueFileName, catalogueToJson, counter, defineMetrics } from "@promferry/core";
import { createJournalWriter } from "@promferry/core/journal";
import { type ConsentRecord, readConsent, writeConsent } from "@promferry/privacy";
import { expect, test } from "vitest";
import { readSamples, writeAppSession } from "../../test/journal.ts";
import { homeWith, type RunSetup, runCli, temporaryFolder } from "../../test/run-cli.ts";
import { serve, serveReceiver } from "../../test/serve.ts";

/** When `writeAppSession` writes. */
const NOON = Date.UTC(2025, 9, 6, 12);
const v1 = defineMetrics(
  { namespace: "k1" },
  {
    views: counter({ name: "views_total", help: "Views.", why: "To know.", labels: { screen: ["pods"] } }),
  },
).catalogue;
const v2 = defineMetrics(
  { namespace: "k1" },
  {
    views: counter({ name: "views_total", help: "Views.", labels: { screen: ["pods"], mode: ["dark"] } }),
    clicks: counter({ name: "clicks_total", help: "Clicks." }),
  },
).catalogue;

const yes: ConsentRecord = { choice: "enabled", decidedAtMs: NOON, decidedBy: "a test" };

interface Home {
  readonly dir: string;
  readonly received: string;
  cli(argv: readonly string[], setup?: RunSetup): ReturnType<typeof runCli>;
  stored(): ConsentRecord | undefined;
}

/** A home whose program k1 has a catalogue, with a destination. */
async function k1Home(catalogue: Catalogue = v1, metrics = ""): Promise<Home> {
  const { url, dir: received } = await serveReceiver();
  const { home } = homeWith(
    `app: k1\nmetrics: { dir: journal, ${metrics} destinations: [{ name: d, type: prometheus, url: "${url}/api/v1/write" }] }\n`,
  );
  const dir = join(home, "journal");
  mkdirSync(dir);
  writeFileSync(join(dir, catalogueFileName(catalogue)), catalogueToJson(catalogue));
  return {
    dir,
    received,
    cli: (argv, setup = {}) => runCli([...argv, "--config", "config.yaml"], { home, ...setup }),
    stored: () => {
      const stored = readConsent(dir);
      return stored.kind === "decided" ? stored.record : undefined;
    },
  };
}

test("enable shows page and bytes first, asks, and keeps what was agreed to", async () => {
  const { cli, stored, dir } = await k1Home();
  const { exitCode, stdout, stderr } = await cli(["enable"], {
    terminal: true,
    stdin: "y\n",
    env: { NO_COLOR: "1" },
    now: () => NOON,
  });
  expect(exitCode).toBe(0);
  expect(stdout).toContain("k1 may collect 2 metrics, and nothing else:");
  expect(stdout).toContain("k1_views_total (counter)\n  Views.\n  why: To know.\n  screen: pods\n");
  expect(stdout).toContain('  k1_views_total{screen="pods"} 1 1759752000000\n');
  expect(stdout).toMatch(/ {2}# Written: 2025-10-06T12:00:00.000Z v=1 .* origin=app consent=enabled\n/);
  expect(stdout).toMatch(/sends it to d \(http:.*, with version, os, arch, user, a hash/);
  expect(stderr).toBe("Collect this, and send it? [y/N] ");
  expect(stdout).toContain(
    `Agreed, and kept in ${dir}. Collection is upload because its user switched it on`,
  );
  expect(stored()).toEqual({
    choice: "enabled",
    decidedAtMs: NOON,
    sinceMs: NOON,
    decidedBy: "the command enable, by a person at a terminal",
    agreed: v1,
  });
});

for (const { name, setup, argv = [], message } of [
  { name: "without a terminal", setup: {}, message: "standard input is no terminal" },
  {
    name: "in continuous integration",
    setup: { terminal: true, stdin: "y\n", env: { CI: "1" } },
    message: "CI is set, so nobody is there to answer",
  },
  {
    name: "under --json",
    setup: { terminal: true, stdin: "y\n" },
    argv: ["--json"],
    message: "--json leaves standard output to machines",
  },
] as { name: string; setup: RunSetup; argv?: string[]; message: string }[]) {
  test(`enable asks nothing ${name}, and --yes answers`, async () => {
    const { cli, stored } = await k1Home();
    const refused = await cli(["enable", ...argv], setup);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(`this has to be asked, and ${message}`);
    expect(stored()).toBeUndefined();
    expect((await cli(["enable", "--yes", ...argv], setup)).exitCode).toBe(0);
    expect(stored()).toMatchObject({ choice: "enabled", decidedBy: "the command enable, with --yes" });
  });
}

for (const answer of ["n\n", "\n", "", "yesterday\n"]) {
  test(`${JSON.stringify(answer)} is no yes`, async () => {
    const { cli, stored } = await k1Home();
    const { exitCode, stdout } = await cli(["enable"], { terminal: true, stdin: answer });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Nothing was changed.");
    expect(stored()).toBeUndefined();
  });
}

for (const { identity, says } of [
  { identity: "installation", says: ", with user, a hash that tells no name." },
  { identity: "rotating", says: ", with user, a hash that tells no name and is another one each week." },
  { identity: "hostname-sha256", says: ", with user, a hash of this machine's name that can be guessed." },
  { identity: "none", says: "/api/v1/write)." },
]) {
  test(`enable says what the identity ${identity} tells`, async () => {
    const { cli } = await k1Home(v1, `identity: ${identity}, session_labels: [],`);
    expect((await cli(["enable", "--yes"])).stdout).toContain(`${says}\nWhat was recorded before`);
  });
}

test("Ctrl-C at the question changes nothing", async () => {
  const { cli, stored } = await k1Home();
  const stop = new AbortController();
  const onStdout = (text: string) => {
    if (text.includes("is never sent")) stop.abort(new Error("stopped"));
  };
  const { exitCode } = await cli(["enable"], { terminal: true, stdin: "y\n", signal: stop.signal, onStdout });
  expect(exitCode).not.toBe(0);
  expect(stored()).toBeUndefined();
});

test("enable says where a no wins over it", async () => {
  const { cli } = await k1Home(v1, "enabled: false,");
  const { stdout } = await cli(["enable", "--yes"]);
  expect(stdout).toContain("Collection is off because the configuration says enabled: false.");
  expect(stdout).toContain("A no wins: nothing is collected as long as it stands.");
});

test("without a catalogue there is nothing to agree to", async () => {
  const { exitCode, stderr } = await runCli(["enable", "--yes"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("there is no catalogue in ");
  expect(stderr).toContain("--catalog FILE");
});

test("a program without a catalogue shows the newest frame that it wrote", async () => {
  const { cli, dir, stored } = await k1Home();
  await writeAppSession(dir, { consent: "flag" });
  const { stdout } = await cli(["enable", "--yes"]);
  expect(stdout).toContain("k1 has no catalogue: it collects whatever it registers");
  expect(stdout).toContain("The newest frame that it wrote, byte for byte:");
  expect(stdout).toContain('k1_views_total{cluster_name="prod",screen="pods"} 9');
  expect(stored()?.agreed).toBeUndefined();
});

test("a frame that is shown before the question commands no terminal", async () => {
  const { cli, dir } = await k1Home();
  const series = [{ name: "k1_asked_total", labels: [{ name: "by", value: "\u009b2J" }] }];
  const asked = { name: "k1_asked_total", type: "counter", help: "", unit: "", series } as const;
  const writer = createJournalWriter({
    dir,
    origin: "app",
    consent: "flag",
    info: { app: "k1", intervalMs: 1 },
  });
  await writer.write({ kind: "full", families: [{ ...asked, values: [1], timestampsMs: [Number.NaN] }] });
  await writer.close();
  const { stdout } = await cli(["enable", "--yes"]);
  expect(stdout).toContain('k1_asked_total{by="\\u009b2J"} 1');
  expect(stdout).not.toContain("\u009b");
});

test("--catalog names the catalogue of a program that has never run", async () => {
  const { home } = homeWith("app: k1\nmetrics: { dir: journal }\n");
  writeFileSync(join(home, "k1.json"), catalogueToJson(v2));
  const cli = (...argv: string[]) =>
    runCli([...argv, "--config", "config.yaml", "--catalog", "k1.json"], { home });
  expect((await cli("catalog")).stdout).toContain("k1_clicks_total (counter)");
  expect((await cli("enable", "--yes")).exitCode).toBe(0);
  expect(readConsent(join(home, "journal"))).toMatchObject({ record: { agreed: v2 } });
  writeFileSync(join(home, "k1.json"), "{}");
  const wrong = await cli("catalog");
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr).toContain("k1.json is no catalogue: ");
});

test("catalog as text, Markdown and JSON", async () => {
  const { cli, dir } = await k1Home();
  expect((await cli(["catalog", "--format", "markdown"])).stdout).toContain(
    "| `k1_views_total` (counter) | Views. | To know. | `screen`: pods |",
  );
  const json = (await cli(["catalog", "--format", "json"])).stdout;
  expect(JSON.parse(json)).toMatchObject({
    from: join(dir, catalogueFileName(v1)),
    catalogue: v1,
    notAgreedTo: [],
  });
  expect((await cli(["catalog", "--json"])).stdout).toBe(json);
  expect((await cli(["catalog"])).stdout).toContain("k1 may collect 2 metrics, and nothing else:");
});

test("what a new version adds is told by status and catalog, and enable agrees to it without a new date", async () => {
  const { cli, dir, stored } = await k1Home(v2);
  await writeConsent(dir, { ...yes, sinceMs: NOON, agreed: v1 });
  const { stdout } = await cli(["status"]);
  expect(stdout).toContain(
    "new, and withheld until `promferry enable` is said again: k1_clicks_total; label mode of k1_views_total",
  );
  expect((await cli(["status", "--json"])).json()).toMatchObject({
    collection: {
      state: "upload",
      decision: { choice: "enabled", by: "a test", since: "2025-10-06T12:00:00.000Z" },
      notAgreedTo: [{ metric: "k1_clicks_total" }, { metric: "k1_views_total", label: "mode" }],
    },
  });
  const page = (await cli(["catalog"])).stdout;
  expect(page).toContain("k1_clicks_total (counter)  new");
  expect(page).toContain("mode: dark  (new)");
  await cli(["enable", "--yes"]);
  expect(stored()).toMatchObject({ agreed: v2, sinceMs: NOON });
  expect((await cli(["status"])).stdout).not.toContain("withheld until");
});

test("status shows every source's say", async () => {
  const { cli, dir } = await k1Home(v1, "enabled: true,");
  await writeConsent(dir, yes);
  const { stdout } = await cli(["status"], { env: { DO_NOT_TRACK: "1" } });
  expect(stdout).toMatch(/^collection +off because DO_NOT_TRACK is set$/m);
  expect(stdout).toMatch(/^ {2}K1_TELEMETRY +says nothing$/m);
  expect(stdout).toMatch(/^ {2}enable, disable +yes: its user switched it on \(enable\)$/m);
  expect(stdout).toMatch(/^ {2}DO_NOT_TRACK +no: DO_NOT_TRACK is set {2}\(decides\)$/m);
  expect(stdout).toMatch(/^ {2}configuration +yes: the configuration says enabled: true$/m);
  const flagged = await cli(["status", "--enable-metrics-collection"], { env: { DO_NOT_TRACK: "1" } });
  expect(flagged.stdout).toContain("local because --enable-metrics-collection was given for this run");
});

test("status of a folder that --dir names asks for the word of the program that it belongs to", async () => {
  const home = temporaryFolder();
  const dir = join(home, ".k1", "metrics");
  mkdirSync(dir, { recursive: true });
  await writeConsent(dir, yes);
  const { stdout } = await runCli(["status", "--dir", dir], { home, env: { K1_TELEMETRY: "off" } });
  expect(stdout).toMatch(/^collection +off because K1_TELEMETRY=off$/m);
});

test("a damaged consent file is a no, told by status with its place", async () => {
  const { cli, dir } = await k1Home(v1, "enabled: true,");
  await writeAppSession(dir);
  writeFileSync(join(dir, "consent.json"), "{");
  const { stdout } = await cli(["status"]);
  expect(stdout).toContain("off because the consent file is damaged");
  expect(stdout).toContain(`${join(dir, "consent.json")}: not JSON; this counts as a no`);
  expect((await cli(["upload-metrics"])).stdout).toContain(
    "stayed here: 3 frames, because the consent file is damaged",
  );
});

test("disable is at once and needs no question, and makes the folder where there is none", async () => {
  const { home } = homeWith("app: k1\nmetrics: { enabled: true, dir: deep/journal }\n");
  const { exitCode, stdout } = await runCli(["disable", "--config", "config.yaml"], { home });
  expect(exitCode).toBe(0);
  expect(stdout).toContain("Collection is off because its user switched it off (disable).");
  expect(readConsent(join(home, "deep", "journal"))).toMatchObject({ record: { choice: "disabled" } });
});

for (const { name, record, consent = "enabled", metrics, env = {}, argv = [], sent, reason } of [
  { name: "what was recorded since enable goes", record: { ...yes, sinceMs: NOON }, sent: 3 },
  {
    name: "what was recorded before enable stays, whoever had allowed it",
    record: { ...yes, sinceMs: NOON + 600_000 },
    consent: "flag",
    sent: 0,
    reason: "it was recorded before sending was agreed to, on 2025-10-06T12:10:00.000Z",
  },
  {
    name: "what was recorded before enable stays, --force or not",
    record: { ...yes, sinceMs: NOON + 600_000 },
    argv: ["--force", "--from", "2025-10-01"],
    sent: 0,
    reason: "it was recorded before sending was agreed to",
  },
  {
    name: "a yes of the configuration that nobody refused goes back to the first frame",
    record: yes,
    consent: "config",
    sent: 3,
  },
  {
    name: "what enable --local allowed stays",
    record: { ...yes, choice: "local" },
    sent: 0,
    reason: "it was agreed to with enable --local, to be kept here",
  },
  {
    name: "disable keeps everything",
    record: { ...yes, choice: "disabled" },
    consent: "config",
    metrics: "enabled: true,",
    sent: 0,
    reason: "its user switched it off (disable)",
  },
  {
    name: "a forget that was begun keeps everything",
    record: { ...yes, choice: "forgetting" },
    consent: "flag",
    sent: 0,
    reason: "the command forget",
  },
  {
    name: "what enable had allowed stays once its file is gone",
    record: undefined,
    sent: 0,
    reason: "consent.json is gone",
  },
  {
    name: "DO_NOT_TRACK keeps it, and the flag on this command line overrides that",
    record: yes,
    env: { DO_NOT_TRACK: "1" },
    argv: ["--enable-metrics-collection"],
    sent: 3,
  },
  {
    name: "the flag doesn't override disable",
    record: { ...yes, choice: "disabled" },
    argv: ["--enable-metrics-collection"],
    sent: 0,
    reason: "its user switched it off (disable)",
  },
] as {
  name: string;
  record: ConsentRecord | undefined;
  consent?: "config" | "flag" | "enabled";
  metrics?: string;
  env?: Record<string, string>;
  argv?: string[];
  sent: number;
  reason?: string;
}[]) {
  test(`upload: ${name}`, async () => {
    const { cli, dir, received } = await k1Home(v1, metrics);
    await writeAppSession(dir, { consent });
    if (record) await writeConsent(dir, record);
    const { stdout } = await cli(["upload-metrics", ...argv], { env });
    expect(await readSamples(received)).toHaveLength(sent);
    if (reason) expect(stdout).toContain(reason);
  });
}

test("of a session that was under way at the yes, only what it counted since then goes", async () => {
  const { cli, dir, received } = await k1Home();
  await writeAppSession(dir, { consent: "enabled" });
  // Between the frame that says 5 and the one that says 9.
  await writeConsent(dir, { ...yes, sinceMs: NOON + 90_000 });
  await cli(["upload-metrics"]);
  expect((await readSamples(received)).map((sample) => sample.replace(/^.*\} /, ""))).toEqual([
    `0 @${NOON + 120_000}`,
  ]);
});

test("what the agreed catalogue doesn't have is withheld at sending, too", async () => {
  const { cli, dir, received } = await k1Home();
  await writeAppSession(dir, { consent: "config" });
  await writeConsent(dir, { ...yes, agreed: defineMetrics({ namespace: "k1" }, {}).catalogue });
  const { stdout } = await cli(["upload-metrics"]);
  expect(stdout).toContain("not agreed to yet");
  expect(await readSamples(received)).toEqual([]);
});

test("disable stops an upload that is under way before its next request", async () => {
  const bodies: number[] = [];
  const { home } = homeWith("");
  const dir = join(home, "journal");
  const url = await serve((request, response) => {
    request.resume().once("end", async () => {
      bodies.push(1);
      await writeConsent(dir, { ...yes, choice: "disabled" });
      response.writeHead(204).end();
    });
  });
  writeFileSync(
    join(home, "config.yaml"),
    `app: k1\nmetrics: { dir: journal, destinations: [{ name: d, type: prometheus, url: "${url}" }] }\n`,
  );
  await writeAppSession(dir);
  await writeAppSession(dir, { atMs: NOON + 5 * 3_600_000 });
  const { exitCode, stderr } = await runCli(["upload-metrics", "--config", "config.yaml"], { home });
  expect(bodies).toHaveLength(1);
  expect(exitCode).toBe(3);
  expect(stderr).toContain("consent was withdrawn while this upload was under way");
});

test("forget prints a receipt and leaves what isn't ours", async () => {
  const { cli, dir } = await k1Home();
  await writeAppSession(dir);
  await writeConsent(dir, yes);
  writeFileSync(join(dir, "notes.txt"), "mine");
  await cli(["upload-metrics"]);
  const user = JSON.parse(readFileSync(join(dir, "identity.json"), "utf8")).key;
  const { exitCode, stdout } = await cli(["forget"], {
    terminal: true,
    stdin: "yes\n",
    env: { NO_COLOR: "1" },
  });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/holds 3 frames of 1 session, /);
  expect(stdout).toMatch(/erased 5 files, .*: 3 frames of 1 session, 2025-10-06 to 2025-10-06/);
  expect(stdout).toContain("erased the identity");
  expect(stdout).toContain("left alone, for it isn't ours: notes.txt");
  expect(stdout).toMatch(
    /^d {2}3 samples accepted\n {2}nobody but who runs it can delete them: ask there; they carry user="[0-9a-f]{32}"$/m,
  );
  expect(stdout).not.toContain(user);
  expect(readdirSync(dir)).toEqual(["notes.txt"]);
  const again = await cli(["forget", "--yes", "--json"]);
  expect(again.json()).toMatchObject({ dir, erased: [], remote: [], foreign: ["notes.txt"], exitCode: 0 });
});

test("forget needs a yes", async () => {
  const { cli, dir } = await k1Home();
  expect((await cli(["forget"])).exitCode).toBe(2);
  expect((await cli(["forget"], { terminal: true, stdin: "\n" })).stdout).toContain("Nothing was erased.");
  expect(existsSync(join(dir, catalogueFileName(v1)))).toBe(true);
});

test("forget says that collection goes on where the configuration says so, and keeps a no", async () => {
  const { cli, dir } = await k1Home(v1, "enabled: true,");
  await writeAppSession(dir);
  expect((await cli(["forget", "--yes"])).stdout).toContain(
    "Collection goes on: it is upload because the configuration says enabled: true. `promferry disable` ends it.",
  );
  await cli(["disable"]);
  const { stdout } = await cli(["forget", "--yes"]);
  expect(stdout).toContain("kept your no (consent.json)");
  expect(stdout).not.toContain("goes on");
  expect((await cli(["status", "--json"])).json()).toMatchObject({ collection: { state: "off" } });
});

test("enable waits for a forget that was begun", async () => {
  const { cli, dir } = await k1Home();
  await writeConsent(dir, { ...yes, choice: "forgetting", refused: false });
  const { exitCode, stderr } = await cli(["enable", "--yes"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("run `promferry forget` again");
  await cli(["disable"]);
  expect((await cli(["forget", "--yes"])).stdout).toContain("kept your no");
});

for (const { name, grouping, status, deleted, stays, exitCode } of [
  { name: "deletes the installation's group", grouping: "", status: 202, deleted: true, exitCode: 0 },
  {
    name: "says which group it could not delete, and how to",
    grouping: "",
    status: 503,
    deleted: false,
    stays: "by hand: curl -X DELETE ",
    exitCode: 3,
  },
  {
    name: "leaves a group that others may be in",
    grouping: "grouping_keys: { team: platform },",
    status: 202,
    deleted: false,
    stays: "nothing tells it from the group of another installation",
    exitCode: 3,
  },
] as {
  name: string;
  grouping: string;
  status: number;
  deleted: boolean;
  stays?: string;
  exitCode: number;
}[]) {
  test(`forget at a Pushgateway: ${name}`, async () => {
    const requests: string[] = [];
    const url = await serve((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      request
        .resume()
        .once("end", () => response.writeHead(request.method === "DELETE" ? status : 200).end());
    });
    const { home } = homeWith(
      `app: k1\nmetrics: { dir: journal, destinations: [{ name: g, type: pushgateway, ${grouping} url: "${url}" }] }\n`,
    );
    await writeAppSession(join(home, "journal"));
    const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home });
    await cli("upload-metrics");
    const group = requests[0]?.replace("PUT ", "") ?? "";
    expect(group).toMatch(/^\/metrics\/job\/k1\//);
    const { json, exitCode: code } = await cli("forget", "--yes", "--json");
    expect(requests.slice(1)).toEqual(deleted || status === 503 ? [`DELETE ${group}`] : []);
    expect(code).toBe(exitCode);
    expect(json()).toMatchObject({
      remote: [{ destination: "g", groups: [{ url: `${url}${group}`, deleted }] }],
      exitCode,
    });
    if (stays) expect(JSON.stringify(json())).toContain(stays);
    expect(readdirSync(join(home, "journal"))).toEqual([]);
  });
}
