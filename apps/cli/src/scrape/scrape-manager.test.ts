import type { RequestListener } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { createHandClock } from "../../test/hand-clock.ts";
import { closedAddress, serve } from "../../test/serve.ts";
import { scrapeConfigSchema } from "../config/scrape-schema.ts";
import type { ScrapeJob } from "./scrape-job.ts";
import { createScrapeManager, type ScrapeManagerOptions } from "./scrape-manager.ts";
import type { ScrapeProblem } from "./scrape-problem.ts";
import type { ScrapedPage } from "./scraped-page.ts";

const eventually = <T>(what: () => T) => expect.poll(what, { interval: 2, timeout: 5000 });

const START = 1_700_000_000_000;

function job(hosts: readonly string[], settings: object = {}): ScrapeJob {
  const static_configs = [{ targets: hosts.map((host) => host.replace("http://", "")) }];
  const config = scrapeConfigSchema.parse({
    job_name: "j",
    scrape_interval: "10s",
    static_configs,
    ...settings,
  });
  const client = { fetch: globalThis.fetch };
  return { config, client, httpSd: config.http_sd_configs.map((each) => ({ config: each, client })) };
}

function manage(jobs: readonly ScrapeJob[], options: Partial<ScrapeManagerOptions> = {}) {
  const clock = createHandClock(START);
  const pages: ScrapedPage[] = [];
  const problems: ScrapeProblem[] = [];
  const manager = createScrapeManager({
    jobs,
    onPage: (page) => void pages.push(page),
    onProblem: (problem) => void problems.push(problem),
    now: clock.now,
    sleep: clock.sleep,
    ...options,
  });
  onTestFinished(() => manager.stop());
  manager.start();
  return {
    ...{ manager, clock, pages, problems },
    /** Lets time pass, and waits until as many scrapes have ended as are due by then. */
    async scrape(times = 1) {
      for (let i = 0; i < times; i++) {
        const { scrapes } = manager.stats();
        await clock.advance(10_000);
        await eventually(() => manager.stats().scrapes).toBe(scrapes + manager.stats().targets);
      }
    },
  };
}

const answer =
  (text: string): RequestListener =>
  (_, response) =>
    response.writeHead(200, { "content-type": "text/plain" }).end(text);

/** Names of the rows that are no report, a marker as `name!`. */
function names(page: ScrapedPage | undefined): string[] {
  return (page?.families ?? []).flatMap(({ series, special }) =>
    series.flatMap(({ name }, i) => {
      const mark = special?.get(i) === null ? "!" : "";
      return /^(up|scrape_)/.test(name) && mark === "" ? [] : [`${name}${mark}`];
    }),
  );
}

test("each target is scraped once an interval, at the same place in it", async () => {
  const { pages, scrape } = manage([job([await serve(answer("a 1\n")), await serve(answer("a 2\n"))])]);
  await scrape(3);
  for (const url of new Set(pages.map(({ target }) => target.url))) {
    const times = pages.filter(({ target }) => target.url === url).map(({ atMs }) => atMs - START);
    expect(times).toEqual([times[0], times[0]! + 10_000, times[0]! + 20_000]);
    expect(times[0]).toBeLessThanOrEqual(10_000);
  }
  expect(pages).toHaveLength(6);
});

test("a page carries its target's labels, and what it says of itself stays the same object", async () => {
  const { pages, scrape } = manage([job([await serve(answer("# TYPE a gauge\na 1\n"))])]);
  await scrape(2);
  const [first, second] = pages.map(({ families }) => families.flatMap(({ series }) => series));
  expect(first!.map(({ name }) => name)).toEqual([
    ...["a", "up", "scrape_duration_seconds", "scrape_samples_scraped"],
    ...["scrape_samples_post_metric_relabeling", "scrape_series_added"],
  ]);
  expect(first![0]!.labels).toEqual(pages[0]!.target.labels);
  expect(second!.every((series, i) => series === first![i])).toBe(true);
});

test("a target that fails is up 0 and told once, until it works again", async () => {
  let fails = true;
  const url = await serve((request, response) =>
    fails ? response.writeHead(503).end() : answer("a 1\n")(request, response),
  );
  const { manager, pages, problems, scrape } = manage([job([url])]);
  await scrape(2);
  expect(problems).toEqual([
    { kind: "scrape", jobName: "j", source: `${url}/metrics`, message: "the server answered with 503" },
  ]);
  expect(pages.at(-1)!.families.find(({ name }) => name === "up")?.values).toEqual([0]);
  expect(manager.targets()).toMatchObject([{ error: "the server answered with 503" }]);
  fails = false;
  await scrape();
  expect(manager.stats()).toMatchObject({
    scrapes: 3,
    scrapesFailed: 2,
    targets: 1,
    targetsUp: 1,
    series: 1,
  });
  fails = true;
  await scrape();
  expect(problems).toHaveLength(2);
  expect(names(pages.at(-1))).toEqual(["a!"]);
});

test("while a page is being taken its target is not scraped, and others are", async () => {
  let finish: () => void = () => {};
  const slow = await serve(answer("a 1\n"));
  let given = 0;
  const { manager, clock } = manage([job([slow, await serve(answer("b 1\n"))])], {
    onPage: ({ target }) => {
      given++;
      if (target.url !== `${slow}/metrics`) return;
      return new Promise((resolve) => {
        finish = resolve;
      });
    },
  });
  for (let round = 1; round <= 4; round++) {
    await clock.advance(10_000);
    await eventually(() => given).toBe(round + 1);
  }
  expect(manager.stats().scrapes).toBe(5);
  finish();
  await clock.advance(10_000);
  await eventually(() => given).toBe(7);
  expect(manager.stats().scrapesSkipped).toBeGreaterThanOrEqual(3);
  finish();
});

test("a page that is lost is told, and its markers come with the next one", async () => {
  let text = "a 1\nb 1\n";
  const url = await serve((request, response) => answer(text)(request, response));
  const pages: ScrapedPage[] = [];
  const { manager, problems, scrape } = manage([job([url])], {
    onPage: (page) => {
      pages.push(page);
      if (pages.length === 2) throw new Error("the disk is full");
    },
  });
  await scrape();
  text = "a 1\n";
  await scrape(3);
  expect(pages.map(names)).toEqual([["a", "b"], ["a", "b!"], ["a", "b!"], ["a"]]);
  expect(manager.stats().pagesLost).toBe(1);
  expect(problems).toMatchObject([{ kind: "page", message: "the disk is full" }]);
});

test("a reload ends what is gone, begins what is new, and leaves the rest alone", async () => {
  const [stays, goes, comes] = [
    await serve(answer("a 1\n")),
    await serve(answer("b 1\n")),
    await serve(answer("c 1\n")),
  ];
  const { manager, pages, scrape, clock } = manage([job([stays, goes])]);
  await scrape(2);
  const before = pages.length;
  await manager.reload([job([stays, comes])]);
  expect(pages.slice(before).map(({ target, gone }) => [target.url, gone])).toEqual([
    [`${goes}/metrics`, true],
  ]);
  expect(names(pages.at(-1))).toEqual([
    ...["b!", "up!", "scrape_duration_seconds!", "scrape_samples_scraped!"],
    ...["scrape_samples_post_metric_relabeling!", "scrape_series_added!"],
  ]);
  expect(pages.at(-1)!.atMs).toBe(clock.now());
  await scrape();
  const last = (url: string) => pages.findLast(({ target }) => target.url === `${url}/metrics`)!;
  expect(last(stays).families.find(({ name }) => name === "scrape_series_added")?.values).toEqual([0]);
  expect(last(comes).gone).toBe(false);
  expect(
    manager
      .targets()
      .map(({ target }) => target.url)
      .sort(),
  ).toEqual([`${stays}/metrics`, `${comes}/metrics`].sort());
});

test("a reload gives a target that stays the new rules and the new interval", async () => {
  const url = await serve(answer("a 1\nb 1\n"));
  const { manager, pages, scrape, clock } = manage([job([url])]);
  await scrape();
  const drop = { source_labels: ["__name__"], regex: "b", action: "drop" };
  await manager.reload([job([url], { metric_relabel_configs: [drop], scrape_interval: "1s" })]);
  await clock.advance(1000);
  await eventually(() => pages.length).toBe(2);
  expect(pages.map(names)).toEqual([
    ["a", "b"],
    ["a", "b!"],
  ]);
  expect(pages[1]!.target).toMatchObject({ id: pages[0]!.target.id, intervalMs: 1000 });
  await clock.advance(1000);
  await eventually(() => pages.length).toBe(3);
});

test("a target that comes back while it is being ended begins after its last page", async () => {
  const url = await serve(answer("a 1\n"));
  const pages: ScrapedPage[] = [];
  let finish: () => void = () => {};
  const { manager, scrape, clock } = manage([job([url])], {
    onPage: (page) => {
      pages.push(page);
      if (!page.gone) return;
      return new Promise((resolve) => {
        finish = resolve;
      });
    },
  });
  await scrape();
  const ended = manager.reload([]);
  await eventually(() => pages.length).toBe(2);
  const back = manager.reload([job([url])]);
  await clock.advance(30_000);
  expect(manager.stats().targets).toBe(0);
  finish();
  await Promise.all([ended, back]);
  await scrape();
  expect(pages.map(({ gone }) => gone)).toEqual([false, true, false]);
});

test("a job that is gone ends its targets; what never was scraped has nothing to end", async () => {
  const { manager, pages, scrape } = manage([job([await serve(answer("a 1\n"))])]);
  await scrape();
  await manager.reload([job([await closedAddress()], { job_name: "k" })]);
  await manager.reload([]);
  expect(pages.map(({ target, gone }) => [target.jobName, gone])).toEqual([
    ["j", false],
    ["j", true],
  ]);
  expect(manager.stats()).toMatchObject({ targets: 0, series: 0 });
});

test("a stop cuts scrapes that are under way, waits for pages, and ends no series", async () => {
  let taken = false;
  const stuck = await serve(() => {});
  const { manager, pages, clock } = manage([job([stuck, await serve(answer("a 1\n"))])], {
    onPage: async (page) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      taken = true;
      pages.push(page);
    },
  });
  await clock.advance(10_000);
  await eventually(() => manager.stats().scrapes).toBe(1);
  await manager.stop();
  expect(taken).toBe(true);
  expect(pages.map(({ gone }) => gone)).toEqual([false]);
  await manager.stop();
});

test("targets beyond the limit and those that can't be are refused and counted", async () => {
  const url = await serve(answer("a 1\n"));
  const drop = { source_labels: ["__address__"], regex: "dropped", action: "drop" };
  const jobs = [
    job([url, "dropped", "a/b"], { relabel_configs: [drop] }),
    job([url, "b:1"], { job_name: "k" }),
  ];
  const { manager, problems } = manage(jobs, { maxTargets: 2 });
  expect(manager.stats()).toMatchObject({ targets: 2, targetsDropped: 1, targetsRefused: 2 });
  expect(problems.map(({ kind, jobName, message }) => [kind, jobName, message])).toEqual([
    ["target", "j", 'a target is not scraped: expected host:port as __address__, got "a/b"'],
    ["target", "k", "a target is not scraped: more than 2 targets in all"],
  ]);
});

test("the same target twice in a job is one", async () => {
  const url = await serve(answer("a 1\n"));
  expect(manage([job([url, url])]).manager.stats().targets).toBe(1);
});

test("a page with more series than allowed fails", async () => {
  const url = await serve(answer("a 1\nb 1\nc 1\n"));
  const { pages, scrape } = manage([job([url])], { maxSeriesPerTarget: 2 });
  await scrape();
  expect(pages[0]!.error).toContain("expected at most 2 series");
  const { pages: others, scrape: again } = manage([job([url])], { maxSeries: 2 });
  await again();
  expect(others[0]!.error).toBe("more than 2 series in all");
});

const long = "n".repeat(5000);
const manyLabels = Array.from({ length: 300 }, (_, i) => `l${i}="x"`).join(",");
for (const { name, page, refusal, settings } of [
  {
    name: "more series than an agent takes by itself",
    page: "a 1\nb 1\nc 1\n",
    refusal: "expected at most 2 series",
    settings: { sample_limit: 3 },
  },
  {
    name: "a line of more than 1 MiB",
    page: `a{b="${"x".repeat(1_100_000)}"} 1\n`,
    refusal: "expected a line of at most 1048576 bytes",
    settings: { line_size_limit: "2MiB" },
  },
  {
    name: "more than 256 labels",
    page: `a{${manyLabels}} 1\n`,
    refusal: "expected at most 256 labels",
    settings: { label_limit: 400 },
  },
  {
    name: "a name of more than 4096 bytes",
    page: `a{${long}="x"} 1\n`,
    refusal: "expected a name of at most 4096 bytes",
    settings: { label_name_length_limit: 5000 },
  },
]) {
  test(`${name} fail a page until the job's limit is raised`, async () => {
    const url = await serve(answer(page));
    const options = { maxSeriesPerTarget: 2 };
    const { manager, pages, scrape } = manage([job([url])], options);
    await scrape();
    expect(pages[0]!.error).toContain(refusal);
    await manager.reload([job([url], settings)]);
    await scrape();
    expect(pages.at(-1)).toMatchObject({ error: undefined, sampleCount: settings.sample_limit ?? 1 });
  });
}

test("a page beyond body_size_limit fails, whether or not it says its length", async () => {
  const url = await serve((request, response) => {
    if (request.url === "/chunked") response.write("# ".padEnd(2000, "x"));
    response.end("# ".padEnd(2000, "x"));
  });
  const small = { body_size_limit: "1KB" };
  const { pages, scrape } = manage([
    job([url], small),
    job([url], { ...small, job_name: "k", metrics_path: "/chunked" }),
  ]);
  await scrape();
  expect(pages.map(({ error }) => error)).toEqual([
    "the page is longer than 1024 bytes",
    "the page is longer than 1024 bytes",
  ]);
});

test("scrapes go on after the clock was set back", async () => {
  const { pages, clock, scrape } = manage([job([await serve(answer("a 1\n"))])]);
  await scrape();
  clock.set(START - 3_600_000);
  await clock.advance(10_000);
  await clock.advance(10_000);
  await eventually(() => pages.length).toBeGreaterThan(1);
  expect(pages.at(-1)!.atMs).toBeLessThan(START - 3_500_000);
});

test("targets come and go with a list over HTTP, which may fail without harm", async () => {
  const url = await serve(answer("a 1\n"));
  let list: { status?: number; body?: string; type?: string } = { body: "[]" };
  const lists = await serve((_, response) => {
    const { status = 200, body = "", type = "application/json" } = list;
    response.writeHead(status, { "content-type": type }).end(body);
  });
  const sd = { http_sd_configs: [{ url: lists, refresh_interval: "10s" }], scrape_interval: "1d" };
  const { manager, clock, problems } = manage([job([], sd)]);
  const targets = () => manager.stats().targets;
  const next = async (answered: typeof list, until: () => void) => {
    list = answered;
    await clock.advance(10_000);
    await eventually(until).toBe(true);
  };
  await next({ body: JSON.stringify([{ targets: [url.slice(7), "b:1"] }]) }, () => targets() === 2);
  await next({ status: 500 }, () => manager.stats().discoveryFailures === 1);
  await next({ body: "[{]" }, () => manager.stats().discoveryFailures === 2);
  await next({ body: "[]", type: "text/html" }, () => manager.stats().discoveryFailures === 3);
  expect(targets()).toBe(2);
  expect(problems.map(({ source, message }) => [source, message])).toEqual([
    [lists, "the server answered with 500"],
    [lists, expect.stringContaining("JSON")],
    [lists, "expected application/json, got text/html"],
  ]);
  await manager.reload([job([], sd)]);
  expect(targets()).toBe(2);
  await next({ body: "[]" }, () => targets() === 0);
});
