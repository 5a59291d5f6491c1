/** The YAML of docs/cloud-telemetry.md: discovery by a real vmagent from a cloud that is played, the rules by promtool. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { parse } from "yaml";
import { requireServer, runPromtool, startVmagent, workspaceRoot } from "./harness/index.ts";
import { serveOn } from "./targets/loopback.ts";
import { activeTargets, until } from "./targets/scraper.ts";

const PAGE = await readFile(join(workspaceRoot, "docs/cloud-telemetry.md"), "utf8");
const [JOB = "", RULES = ""] = [...PAGE.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => text);

async function folder(context: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "cloud-telemetry-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function server(id: string, status: string, address: string, metadata: object): object {
  return {
    ...{
      id,
      name: id,
      status,
      metadata,
      tenant_id: "p-1",
      user_id: "u-1",
      hostId: "h-1",
      flavor: { id: "m1" },
    },
    addresses: { private: [{ version: 4, addr: address, "OS-EXT-IPS:type": "fixed" }] },
  };
}

test("a machine of an OpenStack that is played is found, with its ids; one that is shut off is not", async (context) => {
  requireServer(context, "vmagent");
  const seen: string[] = [];
  const port = await serveOn(context, "127.0.0.1", 0, async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    seen.push(`${request.method} ${request.url?.split("?")[0]}`);
    response.setHeader("content-type", "application/json");
    if (request.url === "/v3/auth/tokens") {
      expect(JSON.parse(body)).toMatchObject({
        auth: { identity: { methods: ["application_credential"] } },
      });
      const place = { region: "RegionOne", region_id: "RegionOne", interface: "public", id: "e-1" };
      const url = `http://127.0.0.1:${port}/nova`;
      const catalog = [{ type: "compute", name: "nova", id: "c-1", endpoints: [{ ...place, url }] }];
      const expires_at = new Date(Date.now() + 3_600_000).toISOString();
      response.writeHead(201, { "x-subject-token": "t-1" });
      return response.end(JSON.stringify({ token: { expires_at, catalog } }));
    }
    if (request.headers["x-auth-token"] !== "t-1") return response.writeHead(401).end("{}");
    const servers = [
      server("i-1", "ACTIVE", "127.37.0.1", { service: "web" }),
      server("i-2", "SHUTOFF", "127.37.0.2", { service: "web" }),
    ];
    return response.end(JSON.stringify({ servers }));
  });
  const configFile = join(await folder(context), "openstack.yml");
  await writeFile(configFile, JOB.replace("https://keystone.example:5000", `http://127.0.0.1:${port}`));
  const vmagent = await startVmagent({
    configFile,
    remoteWriteUrl: "http://127.0.0.1:9/",
    flags: ["-promscrape.openstackSDCheckInterval=1s"],
  });
  context.onTestFinished(vmagent.stop);
  const targets = await until(
    () => activeTargets(vmagent),
    (all) => all.length > 0,
  );
  expect(
    targets.map(({ scrapeUrl, labels }) => [scrapeUrl, labels]),
    vmagent.log(),
  ).toEqual([
    [
      "http://127.37.0.1:9100/metrics",
      {
        ...{ instance: "127.37.0.1:9100", job: "openstack" },
        ...{ instance_id: "i-1", project_id: "p-1", service_id: "web" },
      },
    ],
  ]);
  expect(new Set(seen)).toEqual(new Set(["POST /v3/auth/tokens", "GET /nova/servers/detail"]));
});

test("promtool takes the job but for the discovery that Debian's build lacks", async (context) => {
  requireServer(context, "promtool");
  const file = join(await folder(context), "prometheus.yml");
  const config = parse(JOB) as { scrape_configs: Record<string, unknown>[] };
  const [job] = config.scrape_configs;
  delete job!["openstack_sd_configs"];
  await writeFile(file, JSON.stringify(config));
  expect(await runPromtool(["check", "config", file])).toMatchObject({ code: 0 });
});

test("the cloud's word and the exporter's stand side by side", async (context) => {
  requireServer(context, "promtool");
  const dir = await folder(context);
  await writeFile(join(dir, "rules.yml"), RULES);
  const alert = (name: string, instance: string, summary: string, labels: object = {}) => ({
    ...{ eval_time: "40m", alertname: name },
    exp_alerts: [{ exp_labels: { instance_id: instance, ...labels }, exp_annotations: { summary } }],
  });
  const unit = {
    rule_files: ["rules.yml"],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: [
          { series: 'cpu{resource_id="i-1"}', values: "0+1000x60" },
          { series: 'cpu{resource_id="i-2"}', values: "0+1000x60" },
          { series: 'cpu{resource_id="i-3"}', values: "0+1000x60" },
          { series: 'up{job="ferry-node",instance_id="i-1"}', values: "1x60" },
          { series: 'up{job="ferry-node",instance_id="i-2"}', values: "0x60" },
          { series: 'up{job="ferry-node",instance_id="i-4"}', values: "0x60" },
        ],
        alert_rule_test: [
          alert("FerryAgentDead", "i-2", "i-2 runs, says the cloud, and its exporter does not answer", {
            job: "ferry-node",
          }),
          alert("FerryNeverJoined", "i-3", "i-3 runs, and was never registered"),
        ],
      },
    ],
  };
  await writeFile(join(dir, "test.yml"), JSON.stringify(unit));
  const checked = await runPromtool(["check", "rules", join(dir, "rules.yml")]);
  expect(checked.code, checked.stdout + checked.stderr).toBe(0);
  const tested = await runPromtool(["test", "rules", join(dir, "test.yml")]);
  expect(tested.code, tested.stdout + tested.stderr).toBe(0);
});
