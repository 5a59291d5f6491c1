/** Pages with trouble in them, scraped by a real Prometheus and by the scrape manager: the same live series. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { MetricFamily } from "@promferry/core/series";
import { expect, type TestContext, test } from "vitest";
import { type Labels, query, requireServer, startPrometheus } from "./harness/index.ts";

interface Cli {
  createScrapeManager(options: {
    jobs: readonly object[];
    onPage: (page: { readonly families: readonly MetricFamily[] }) => void;
  }): { start(): void; stop(): Promise<void> };
  createScrapeFetch(): typeof fetch;
  parseConfig(text: string): {
    config?: { scrape_configs: readonly object[] };
    problems: readonly unknown[];
  };
}

// The CLI is a program and exports nothing, so its parts are reached by path.
const reach = (path: string) => import(new URL(`../apps/cli/src/${path}`, import.meta.url).href);
const { createScrapeManager }: Pick<Cli, "createScrapeManager"> = await reach("scrape/scrape-manager.ts");
const { createScrapeFetch }: Pick<Cli, "createScrapeFetch"> = await reach("scrape/scrape-fetch.ts");
const { parseConfig }: Pick<Cli, "parseConfig"> = await reach("config/parse-config.ts");

/** TIME is replaced by a time half a minute ago. */
const CONFLICTS = `# TYPE a counter
a{x="1"} 5
a{job="theirs",exported_job="older",instance="i"} 6
a{instance="",x="2"} 7
zone_info{zone="page",exported_zone="old",exported_exported_zone="older"} 1
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 2
h_sum 3
h_count 2
# TYPE s summary
s{quantile="0.5"} 1
s_sum 1
s_count 2
old 7 TIME
not_a_number NaN
`;

type Answer = string | { readonly status: number } | "cut";

interface Case {
  readonly name: string;
  /** What the server answers under `/<name>`, first and then. */
  readonly answers: readonly [Answer, Answer];
  /** Further settings of the job. */
  readonly job?: object;
  /**
   * Series that Prometheus goes on showing for minutes, by their names: it had read them of the failing page
   * before it came to the fault. With us they end, as everything of a scrape that failed.
   */
  readonly lingering?: readonly string[];
  /** Prometheus counts what it read of a page that can't be read; we count nothing of it. */
  readonly uncounted?: true;
}

const drop = (regex: string) => ({ source_labels: ["__name__"], regex, action: "drop" });

const CASES: readonly Case[] = [
  { name: "conflicts", answers: [CONFLICTS, CONFLICTS] },
  { name: "honor_labels", answers: [CONFLICTS, CONFLICTS], job: { honor_labels: true } },
  { name: "own_times", answers: [CONFLICTS, "a 1\n"], job: { honor_timestamps: false } },
  { name: "vanished", answers: ['a 1\nb 2\nc{x="1"} 3\nold 1 TIME\n', 'a 1\nc{x="2"} 3\n'] },
  { name: "failing", answers: ["a 1\nb 2\n", { status: 500 }] },
  { name: "cut", answers: ["a 1\nb 2\n", "cut"] },
  { name: "broken", answers: ["a 1\nb 2\n", "a 1\nb{ 2\n"], lingering: ["a"], uncounted: true },
  { name: "empty", answers: ["a 1\n", ""] },
  {
    name: "sample_limit",
    answers: ["a 1\nb 2\nc 3\n", "a 1\nb 2\nc 3\nd 4\ne 5\n"],
    job: { sample_limit: 3 },
    lingering: ["a", "b", "c"],
  },
  {
    name: "sample_limit_exceeded_at_once",
    answers: ["a 1\nb 2\nc 3\n", "a 1\nb 2\nc 3\n"],
    job: { sample_limit: 2 },
  },
  {
    name: "sample_limit_after_rules",
    answers: ["a 1\ngo_x 3\nb 2\n", "a 1\ngo_x 3\nb 2\ngo_y 4\n"],
    job: { sample_limit: 2, metric_relabel_configs: [drop("go_.*")] },
  },
  { name: "label_limit", answers: ["a 1\n", 'a{x="1",y="2"} 1\nb 2\n'], job: { label_limit: 5 } },
  {
    name: "length_limits",
    answers: ['a{x="12345"} 1\n', 'a{x="12345678901234567"} 1\n'],
    job: { label_value_length_limit: 16, label_name_length_limit: 13 },
  },
  {
    name: "rules",
    answers: [CONFLICTS, CONFLICTS],
    job: {
      metric_relabel_configs: [
        { source_labels: ["__name__"], regex: "h_(.*)", target_label: "__name__", replacement: "new_$1" },
        { regex: "x", action: "labeldrop" },
        { source_labels: ["zone"], target_label: "place" },
        drop("s_.*"),
        { source_labels: ["quantile"], regex: "0.5", target_label: "__tmp", replacement: "kept" },
      ],
    },
  },
  {
    name: "nameless",
    answers: ["a 1\n", 'a 1\nb{drop="name"} 1\n'],
    job: {
      metric_relabel_configs: [
        { source_labels: ["drop"], regex: "name", target_label: "__name__", replacement: "" },
      ],
    },
    lingering: ["a"],
  },
  {
    name: "target_rules",
    answers: ["a 1\n", "a 1\n"],
    job: {
      params: { module: ["one", "two"], z: ["1"] },
      relabel_configs: [
        { target_label: "instance", replacement: "renamed" },
        { source_labels: ["__param_module"], target_label: "module" },
        { source_labels: ["__scrape_interval__", "__scrape_timeout__"], target_label: "times" },
        { source_labels: ["__metrics_path__", "__scheme__"], target_label: "where" },
        { target_label: "__param_module", replacement: "three" },
        { target_label: "__tmp", replacement: "gone" },
      ],
    },
  },
  {
    name: "dropped",
    answers: ["a 1\n", "a 1\n"],
    job: { relabel_configs: [{ source_labels: ["zone"], regex: "z", action: "drop" }] },
  },
  { name: "forged", answers: ['up 7\nscrape_samples_scraped 9\nup{x="1"} 3\n', "a 1\n"] },
  {
    name: "made_one_by_rules",
    answers: ['a{x="1"} 1\na{x="2"} 2\na{y=""} 3\n', 'a{x="1"} 1\na 2\n'],
    job: { metric_relabel_configs: [{ regex: "x", action: "labeldrop" }] },
  },
];

test("pages with trouble in them leave the same live series as in Prometheus", async (context) => {
  requireServer(context, "prometheus");
  const asked = new Set<string>();
  let state: 0 | 1 = 0;
  const rounds = new Map<string, number>();
  const old = String(Date.now() - 30_000);
  const host = await listen(context, (path, agent) => {
    asked.add(path);
    const { name, answers } = CASES.find((one) => path.split("?")[0] === `/${one.name}`)!;
    const who = `${name} ${agent}`;
    rounds.set(who, (rounds.get(who) ?? 0) + 1);
    const answer = answers[state];
    return typeof answer === "string" ? answer.replaceAll("TIME", old) : answer;
  });
  const scrapeConfigs = CASES.map(({ name, job }) => ({
    job_name: name,
    scrape_interval: "1s",
    metrics_path: `/${name}`,
    static_configs: [{ targets: [host], labels: { zone: "z" } }],
    ...job,
  }));
  const { config, problems } = parseConfig(JSON.stringify({ scrape_configs: scrapeConfigs }));
  expect(problems).toEqual([]);

  const prometheus = await startPrometheus({ scrapeConfigs });
  context.onTestFinished(prometheus.stop);
  const live = new Map<string, string>();
  const manager = createScrapeManager({
    jobs: config!.scrape_configs.map((job) => ({
      config: job,
      client: { fetch: createScrapeFetch() },
      httpSd: [],
    })),
    onPage: ({ families }) => applyPage(families, live),
  });
  context.onTestFinished(() => manager.stop());
  manager.start();

  /** Until both have scraped all that they scrape, three times: the second page is through then. */
  const settle = async (): Promise<void> => {
    rounds.clear();
    const scraped = CASES.filter(({ name }) => name !== "dropped").flatMap(({ name }) =>
      ["Prometheus", "promferry"].map((agent) => `${name} ${agent}`),
    );
    await expect
      .poll(() => scraped.filter((who) => (rounds.get(who) ?? 0) < 3), { timeout: 30_000 })
      .toEqual([]);
  };
  const theirs = async (skip: ReadonlySet<string>): Promise<string[]> => {
    const all = await query(prometheus.url, '{__name__!="", __name__!="scrape_duration_seconds"}');
    return all
      .map(({ labels, value }) => `${written(labels)} ${value}`)
      .filter((one) => !skip.has(one))
      .sort();
  };
  const ours = (): string[] =>
    [...live]
      .map(([name, value]) => `${name} ${value}`)
      .filter((one) => !/"scrape_duration/.test(one))
      .sort();

  await settle();
  expect(ours()).toEqual(await theirs(new Set()));

  expect(ours().length).toBeGreaterThan(5 * (CASES.length - 1));

  state = 1;
  await settle();
  const theirWay = differences(host);
  expect(await theirs(new Set())).toEqual(expect.arrayContaining(theirWay.theirs));
  expect(ours().filter((one) => !theirWay.ours.includes(one))).toEqual(
    await theirs(new Set(theirWay.theirs)),
  );
  // What has times of its own lingers, with both.
  const left = await query(prometheus.url, '{job="vanished",__name__!~"up|scrape_.*"}');
  expect(left.map(({ labels }) => `${labels["__name__"]} ${labels["x"] ?? ""}`).sort()).toEqual([
    "a ",
    "c 2",
    "old ",
  ]);
  expect([...asked].filter((path) => path.includes("?"))).toEqual([
    "/target_rules?module=three&module=two&z=1",
  ]);
});

/** What differs by intention, on both sides. */
function differences(instance: string): { readonly theirs: string[]; readonly ours: string[] } {
  const theirs: string[] = [];
  const ours: string[] = [];
  for (const { name: job, lingering = [], uncounted } of CASES) {
    const own = { instance, job, zone: "z" };
    for (const [i, name] of lingering.entries())
      theirs.push(`${written({ __name__: name, ...own })} ${i + 1}`);
    if (!uncounted) continue;
    for (const __name__ of ["scrape_samples_scraped", "scrape_samples_post_metric_relabeling"]) {
      theirs.push(`${written({ __name__, ...own })} 1`);
      ours.push(`${written({ __name__, ...own })} 0`);
    }
  }
  return { theirs, ours };
}

function applyPage(families: readonly MetricFamily[], live: Map<string, string>): void {
  for (const { series, values, special } of families) {
    for (const [i, { name, labels }] of series.entries()) {
      const named = labels.map((label) => [label.name, label.value]);
      const key = written({ __name__: name, ...Object.fromEntries(named) });
      if (special?.get(i) === null) live.delete(key);
      else live.set(key, String(values[i]));
    }
  }
}

function written(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A server on this machine; gives its `host:port`. */
async function listen(
  context: TestContext,
  answer: (path: string, agent: string) => Answer,
): Promise<string> {
  const server = createServer((request, response) => {
    const agent = String(request.headers["user-agent"]).split("/")[0]!;
    const body = answer(request.url ?? "", agent);
    if (body === "cut") request.socket.destroy();
    else if (typeof body === "object") response.writeHead(body.status).end();
    else response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
