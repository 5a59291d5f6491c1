import { toBatch } from "@promferry/core/delivery";
import {
  createSeriesDictionary,
  type FamilyMetadata,
  type MetricType,
  type SampleValue,
} from "@promferry/core/series";
import { createPushgateway } from "@promferry/pushgateway";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { describeWithServers, type RunningServer, startPushgateway } from "./harness/index.ts";

interface ApiMetric {
  readonly type: string;
  readonly help: string;
  readonly metrics: readonly { readonly labels: Record<string, string>; readonly value?: string }[];
}

/** What the gateway's own API says of one group; the rest of its keys are families. */
interface ApiGroup extends Readonly<Record<string, unknown>> {
  readonly labels: Readonly<Record<string, string>>;
  readonly last_push_successful: boolean;
}

const { intern } = createSeriesDictionary();

/** One sample at a fixed time; the family's name is the series' unless it says otherwise. */
function sample(
  name: string,
  value: SampleValue,
  labels: Record<string, string> = {},
  { type = "gauge", family = name }: { type?: MetricType; family?: string } = {},
) {
  const metadata: FamilyMetadata = { name: family, type, help: `Help of ${family}.`, unit: "" };
  const pairs = Object.entries(labels).map(([label, text]) => ({ name: label, value: text }));
  return { series: intern(name, pairs), family: metadata, timestampMs: 1_759_752_000_000, value };
}

describeWithServers(["pushgateway"], "a real Pushgateway", () => {
  let server: RunningServer;

  beforeAll(async () => {
    server = await startPushgateway({ flags: ["--web.enable-admin-api"] });
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    expect((await fetch(`${server.url}/api/v1/admin/wipe`, { method: "PUT" })).status).toBe(202);
    await expect.poll(groups).toEqual([]);
  });

  async function groups(): Promise<ApiGroup[]> {
    const answer = await fetch(`${server.url}/api/v1/metrics`);
    const { data } = (await answer.json()) as { data: ApiGroup[] };
    return data.sort((a, b) => (JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1));
  }

  /** `name{labels} value type` of every sample of a group but the gateway's own. */
  function shown(group: ApiGroup | undefined): string[] {
    return Object.entries(group ?? {})
      .filter(
        ([key]) => !["labels", "last_push_successful"].includes(key) && !/^push_(failure_)?time_/.test(key),
      )
      .flatMap(([name, family]) => {
        const { type, metrics } = family as ApiMetric;
        return metrics.map(({ labels, value }) => {
          const own = Object.entries(labels).filter(([label]) => group?.labels[label] === undefined);
          return `${name}${JSON.stringify(Object.fromEntries(own))} ${value} ${type}`;
        });
      })
      .sort();
  }

  test("takes counter, gauge, histogram, summary and untyped, with every kind of value", async () => {
    const gateway = createPushgateway({ url: server.url, job: "types" });
    const histogram = { type: "histogram", family: "h_seconds" } as const;
    const summary = { type: "summary", family: "s_seconds" } as const;

    const receipt = await gateway.send(
      toBatch([
        sample("c_total", 42, { a: 'q"\\\n漢' }, { type: "counter" }),
        sample("g", Number.NaN),
        sample("g", Number.POSITIVE_INFINITY, { a: "1" }),
        sample("g", -0.1, { a: "2" }),
        sample("h_seconds_bucket", 2, { le: "0.1" }, histogram),
        sample("h_seconds_bucket", 3, { le: "+Inf" }, histogram),
        sample("h_seconds_sum", 0.5, {}, histogram),
        sample("h_seconds_count", 3, {}, histogram),
        sample("s_seconds", 0.2, { quantile: "0.5" }, summary),
        sample("s_seconds_sum", 1, {}, summary),
        sample("s_seconds_count", 5, {}, summary),
        sample("u", 7, {}, { type: "unknown" }),
        sample("i_info", 1, { version: "1" }, { type: "info", family: "i" }),
      ]),
    );

    expect(receipt).toEqual({ accepted: 13, refused: [], unknown: 0 });
    const [group] = await groups();
    expect(group?.last_push_successful).toBe(true);
    expect(shown(group).filter((line) => !/^[hs]_seconds/.test(line))).toEqual(
      [
        'c_total{"a":"q\\"\\\\\\n漢","instance":""} 42 COUNTER',
        'g{"a":"1","instance":""} +Inf GAUGE',
        'g{"a":"2","instance":""} -0.1 GAUGE',
        'g{"instance":""} NaN GAUGE',
        'i_info{"instance":"","version":"1"} 1 GAUGE',
        'u{"instance":""} 7 UNTYPED',
      ].sort(),
    );
    const page = await (await fetch(`${server.url}/metrics`)).text();
    expect(page.split("\n").filter((line) => /^([hs]_seconds|# TYPE [hs]_)/.test(line))).toEqual([
      "# TYPE h_seconds histogram",
      'h_seconds_bucket{instance="",job="types",le="0.1"} 2',
      'h_seconds_bucket{instance="",job="types",le="+Inf"} 3',
      'h_seconds_sum{instance="",job="types"} 0.5',
      'h_seconds_count{instance="",job="types"} 3',
      "# TYPE s_seconds summary",
      's_seconds{instance="",job="types",quantile="0.5"} 0.2',
      's_seconds_sum{instance="",job="types"} 1',
      's_seconds_count{instance="",job="types"} 5',
    ]);
  });

  for (const value of [
    "a/b/c",
    "/var/log",
    "..",
    ".",
    "100%",
    "%2F",
    "a b",
    "?x=1#y",
    "größer 漢字",
    "line\nfeed",
    "=",
    "~",
  ]) {
    test(`stores a group whose value is ${JSON.stringify(value)}, and deletes it`, async () => {
      const gateway = createPushgateway({
        url: server.url,
        job: value,
        grouping: { dir: value, instance: "" },
      });

      await gateway.push([
        {
          name: "m",
          type: "gauge",
          help: "",
          unit: "",
          series: [intern("m", [])],
          values: [1],
          timestampsMs: [5],
        },
      ]);

      expect((await groups()).map(({ labels }) => labels)).toEqual([{ job: value, dir: value }]);
      await gateway.delete();
      await expect.poll(groups).toEqual([]);
    });
  }

  test("gets one group for each version, and loses the one whose version has ended", async () => {
    const gateway = createPushgateway({
      url: server.url,
      job: "k1",
      grouping: { user: "u1", version: { label: "version" }, team: "platform" },
    });
    await gateway.send(toBatch([sample("m", 1, { version: "1.0" }), sample("m", 2, { version: "2.0" })]));
    expect((await groups()).map(({ labels }) => labels)).toEqual([
      { job: "k1", team: "platform", user: "u1", version: "1.0" },
      { job: "k1", team: "platform", user: "u1", version: "2.0" },
    ]);

    await gateway.send(toBatch([sample("m", null, { version: "1.0" }), sample("m", 3, { version: "2.0" })]));

    await expect.poll(async () => (await groups()).map(shown)).toEqual([['m{"instance":""} 3 GAUGE']]);
  });

  test("loses families that are gone from a push, and keeps them beside an add", async () => {
    const gateway = createPushgateway({ url: server.url, job: "k1", gzip: true });
    await gateway.send(toBatch([sample("a", 1), sample("b", 1)]));
    await gateway.send(toBatch([sample("b", 2)]));
    expect(shown((await groups())[0])).toEqual(['b{"instance":""} 2 GAUGE']);

    const { series, family } = sample("c", 3);
    await gateway.add([{ ...family, series: [series], values: [3], timestampsMs: [Number.NaN] }]);
    expect(shown((await groups())[0])).toEqual(['b{"instance":""} 2 GAUGE', 'c{"instance":""} 3 GAUGE']);

    await gateway.push([]);
    expect(shown((await groups())[0])).toEqual([]);
  });

  test("refuses a type that another group contradicts; the other families are stored all the same", async () => {
    const other = createPushgateway({ url: server.url, job: "other" });
    await other.send(toBatch([sample("clash_total", 1, {}, { type: "counter" })]));
    const gateway = createPushgateway({ url: server.url, job: "k1" });

    const receipt = await gateway.send(
      toBatch([
        sample("a", 1),
        sample("b", 2),
        sample("clash_total", 3),
        sample("clash_total", 4, { x: "1" }),
        sample("d", 5),
        sample("dotted.name", 6),
        sample("e", 7, { __reserved: "x" }),
      ]),
    );

    expect(receipt).toEqual({
      accepted: 3,
      refused: [
        {
          reason: expect.stringMatching(/^clash_total: PUT to .* 400: .*is not a (COUNTER|GAUGE)/),
          count: 2,
        },
        { reason: expect.stringMatching(/^dotted\.name: PUT to .* 400: /), count: 1 },
        { reason: expect.stringMatching(/^e: PUT to .* 400: /), count: 1 },
      ],
      unknown: 0,
    });
    const [mine, others] = await groups();
    expect(shown(mine)).toEqual([
      'a{"instance":""} 1 GAUGE',
      'b{"instance":""} 2 GAUGE',
      'd{"instance":""} 5 GAUGE',
    ]);
    expect(shown(others)).toEqual(['clash_total{"instance":""} 1 COUNTER']);
  });
});

describeWithServers(["pushgateway"], "a real Pushgateway without its consistency check", () => {
  test("answers 202 and stores what we push", async ({ onTestFinished }) => {
    const server = await startPushgateway({ flags: ["--push.disable-consistency-check"] });
    onTestFinished(server.stop);
    const gateway = createPushgateway({ url: server.url, job: "k1" });

    expect(await gateway.send(toBatch([sample("m", 1)]))).toEqual({ accepted: 1, refused: [], unknown: 0 });

    const page = async () => (await fetch(`${server.url}/metrics`)).text();
    await expect.poll(page).toContain('m{instance="",job="k1"} 1\n');
    await expect.poll(page).toContain('push_failure_time_seconds{instance="",job="k1"} 0\n');
  });
});
