import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, type TestContext, test } from "vitest";
import { describeWithServers, query, requireProgram, startProxy } from "./harness/index.ts";
import { type AttackedService, codeOf, keyOf, startAttacked } from "./targets/attacked-service.ts";
import { hostileExporters } from "./targets/hostile-exporters.ts";
import { page, serveOn } from "./targets/loopback.ts";
import { machine } from "./targets/machine.ts";
import { until } from "./targets/scraper.ts";
import { call, stateOf } from "./targets/service.ts";
import { HERE, THREATS } from "./targets/threats.ts";

const played = new Set<number>();
const MINUTE_QUOTA = 40;

describeWithServers(["prometheus"], "the threat model", () => {
  const ends: (() => void | Promise<void>)[] = [];
  let world: AttackedService;

  /** An instance that nobody attacks, and every attack would like to hurt. */
  beforeAll(async () => {
    const context = { onTestFinished: (end: () => void | Promise<void>) => void ends.push(end) };
    world = await startAttacked(context, [
      `policy: {loopback: true, refuse: [127.0.0.1/32], instances_per_project: ${MINUTE_QUOTA}}`,
      "audit_file: audit.jsonl",
    ]);
    await serveOn(
      context,
      "127.35.0.1",
      9100,
      page('node_boot_time_seconds 1\npromferry_instance_info{instance_id="honest"} 1\n'),
    );
    expect(await world.joins(await world.mint("127.35.0.1/32"), "honest", "127.35.0.1")).toBe("201 ok");
    await world.becomes("honest up");
  });

  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  const removed = async (...ids: readonly string[]): Promise<void> => {
    for (const id of ids) expect((await world.platform(`DELETE /v1/instances/${id}`)).status).toBe(204);
    await world.becomes("honest up");
  };

  function attack(row: number, name: string, play: (context: TestContext) => Promise<void>): void {
    played.add(row);
    test(`threat ${row}: ${name}`, async (context) => {
      await play(context);
      expect((await world.targets()).filter((target) => target.startsWith("honest"))).toEqual(["honest up"]);
      // Not one scrape was missed.
      expect(await query(world.prometheus.url, 'min_over_time(up{instance_id="honest"}[10m])')).toMatchObject(
        [{ value: "1" }],
      );
    });
  }

  attack(1, "a stolen join token lets nobody in, and the theft is seen", async () => {
    const token = await world.mint("127.35.1.0/24", { instance_id: "first" });
    expect(await world.joins(token, "thief", "127.35.1.9")).toBe("403 token_bound");
    expect(await world.joins(token, "first", "127.36.0.1")).toBe("403 outside_grant");
    expect(await world.joins(token, "first", "127.35.1.1")).toBe("201 ok");
    expect(await world.joins(token, "first", "127.35.1.1", keyOf("thief"))).toBe("409 token_used");
    expect(await world.joins(`${token.slice(0, -3)}x.-`, "thief", "127.35.1.9", keyOf("thief"))).toBe(
      "401 token_unknown",
    );
    const revoked = await world.mint("127.35.1.0/24");
    await world.platform(`DELETE /v1/join-tokens/${revoked.split(".")[0]}`);
    expect(await world.joins(revoked, "thief", "127.35.1.9")).toBe("410 token_revoked");
    // What it was used for is in the instance's history, the audit, and a metric.
    const events = (await world.platform("GET /v1/instances/first/events")).text;
    expect(events).toContain("token");
    expect((await world.platform("GET /metrics")).text).toMatch(/^promferry_targets_token_misuse_total 1$/m);
    expect(readFileSync(join(world.own.dir, "audit.jsonl"), "utf8")).toContain('"code":"token_used"');
    await world.becomes("first down", "honest up");
    await removed("first");
  });

  attack(2, "a lost answer costs nothing: the same key is let in again", async (context) => {
    requireProgram(context, "dash", "curl", "sha256sum");
    const proxy = await startProxy(world.service.url, {
      onRequest: ({ n }) => (n === 1 ? { cut: "response" } : undefined),
    });
    context.onTestFinished(proxy.stop);
    const guest = await machine(context, "dash", {
      SERVICE_URL: proxy.url,
      INSTANCE_ID: "unlucky",
      ADDRESS: "127.35.2.1",
    });
    guest.giveToken(await world.mint("127.35.2.0/24"));
    const joined = await guest.run("join");
    expect(joined.code, joined.stderr).toBe(0);
    expect(proxy.requests.map(({ targetStatus }) => targetStatus)).toEqual([201, 200]);
    await world.becomes("honest up", "unlucky down");
    await removed("unlucky");
  });

  attack(
    3,
    "no address, port, name, path or scheme gets in that the policy does not allow",
    async (context) => {
      const asked: string[] = [];
      const spy: RequestListener = ({ url }, response) => {
        asked.push(`${url}`);
        page("internal_secret 1\n")({ url } as never, response);
      };
      const port = await serveOn(context, "127.0.0.1", 0, spy);
      const before = await world.listed();
      let token = "";
      for (const [i, address] of [
        ...[
          "127.0.0.1",
          "169.254.169.254",
          "100.100.100.200",
          "0.0.0.0",
          "224.0.0.1",
          "255.255.255.255",
          "8.8.8.8",
        ],
        ...[
          "localhost",
          "metadata.google.internal",
          "127.35.3.1.nip.io",
          "127.1",
          "2130706433",
          "0x7f.0.0.1",
        ],
        ...[
          "127.35.03.1",
          "127.35.3.1/admin",
          "127.35.3.1:80@127.0.0.1",
          "http://127.0.0.1",
          "127.35.3.1 ",
          "",
        ],
        ...[
          "::1",
          "[::1]",
          "::ffff:127.0.0.1",
          "::127.0.0.1",
          "fe80::1",
          "fe80::1%eth0",
          "fd00:ec2::254",
          "ff02::1",
        ],
        ...["１27.0.0.1", "127.35.3.1\r\nX: y", "127.35.3.1#", "127.35.3.1?target=x"],
      ].entries()) {
        // A join token may be tried thirty times a minute.
        if (i % 20 === 0) token = await world.mint("127.35.3.0/24");
        expect(await world.put("intruder", address), address).toMatch(
          /^(?:400 invalid_request|422 invalid_content)$/,
        );
        expect(await world.joins(token, "intruder", address), address).toMatch(/^(?:400|403|422) /);
      }
      const address = "127.35.3.1";
      for (const [what, endpoint] of Object.entries({
        "a port of its own": { name: "node", address, port: 22 },
        "Prometheus' own port": { name: "node", address, port },
        "a list that is none": { name: "billing", address },
        "a path": { name: "node", address, path: "/admin" },
        "a scheme": { name: "node", address, scheme: "https" },
        parameters: { name: "node", address, params: { target: ["x"] } },
      })) {
        expect(await world.put("intruder", address, { endpoints: [endpoint] }), what).toMatch(
          /^(?:400|422) /,
        );
      }
      expect(await world.listed()).toBe(before);
      expect((await world.platform("GET /v1/instances/intruder")).status).toBe(404);
      expect(asked).toEqual([]);
    },
  );

  attack(4, "an exporter that was taken over reaches nothing, and floods nothing", async (context) => {
    const internal: string[] = [];
    const internalPort = await serveOn(context, "127.35.9.9", 0, (request, response) => {
      internal.push(`${request.url}`);
      page("internal_secret 42\n")(request, response);
    });
    const credentials = new Set<string | undefined>();
    const answers = hostileExporters(`http://127.35.9.9:${internalPort}/`);
    const names = Object.keys(answers);
    for (const [i, name] of names.entries()) {
      const address = `127.35.4.${i + 1}`;
      await serveOn(context, address, 9100, (request, response) => {
        credentials.add(request.headers.authorization ?? request.headers.cookie);
        answers[name]!(request, response);
      });
      expect(await world.put(`evil-${i}`, address), name).toBe("201 ok");
    }
    await world.becomes("honest up", ...names.map((_, i) => `evil-${i} down`));
    // Twice more, so that nothing was only slow.
    await delay(3_000);
    await world.becomes("honest up", ...names.map((_, i) => `evil-${i} down`));
    expect(internal).toEqual([]);
    expect([...credentials]).toEqual([undefined]);
    expect(await query(world.prometheus.url, 'count({__name__=~"flood|internal_secret"})')).toEqual([]);
    await removed(...names.map((_, i) => `evil-${i}`));
  });

  attack(5, "no label of a registrant steers a scrape or stands for somebody else's", async () => {
    const before = await world.listed();
    for (const labels of [
      ...["job", "instance", "instance_id", "project_id", "service_id", "le", "quantile", "endpoint"],
      ...[
        "__address__",
        "__scheme__",
        "__metrics_path__",
        "__scrape_interval__",
        "__param_target",
        "__unix_socket__",
      ],
      ...["__meta_ferry_instance", "__name__", "Zone", "zone-1", "größe", "1zone", "", "z".repeat(64)],
    ].map((name): Record<string, unknown> => ({ [name]: "x" }))) {
      expect(await world.put("intruder", "127.35.5.1", { labels }), JSON.stringify(labels)).toMatch(
        /^(?:400|422) /,
      );
    }
    for (const value of ["", " x", "x\ny", "x\0y", "x".repeat(129), "\u202ex", 7, null, { a: "b" }]) {
      expect(
        await world.put("intruder", "127.35.5.1", { labels: { zone: value } }),
        JSON.stringify(value),
      ).toMatch(/^(?:400|422) /);
    }
    for (const field of ["job", "params", "honor_labels", "scrape_interval", "metrics_path"]) {
      expect(await world.put("intruder", "127.35.5.1", { [field]: "x" }), field).toMatch(/^(?:400|422) /);
    }
    expect(await world.listed()).toBe(before);
  });

  attack(6, "a project that registers without end fills its own quota, and nobody else's", async () => {
    const crowd = Array.from({ length: MINUTE_QUOTA + 5 }, (_, i) => ({
      id: `crowd-${i}`,
      address: `127.35.6.${i + 1}`,
    }));
    const answers = await Promise.all(
      crowd.map(({ id, address }) => world.put(id, address, { project: "p-6" })),
    );
    expect(answers.filter((answer) => answer === "201 ok")).toHaveLength(MINUTE_QUOTA);
    expect(answers.filter((answer) => answer === "429 quota_exceeded")).toHaveLength(5);
    const labels = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`l${i}`, "x"]));
    expect(await world.put("crowd-0", "127.35.6.1", { project: "p-6", labels })).toMatch(/^(?:400|422) /);
    // All that came is scraped, none of the job's targets fails for the number of others.
    const known = crowd.filter((_, i) => answers[i] === "201 ok").map(({ id }) => `${id} down`);
    await world.becomes("honest up", ...known);
    expect(await world.put("second", "127.35.6.200")).toBe("201 ok");
    for (const { id } of crowd) await world.platform(`DELETE /v1/instances/${id}`);
    await removed("second");
  });

  attack(7, "an address that is used again has one owner, and its old labels are gone", async (context) => {
    await serveOn(context, "127.35.7.1", 9100, page("node_boot_time_seconds 7\n"));
    expect(await world.put("old", "127.35.7.1")).toBe("201 ok");
    await world.becomes("honest up", "old up");
    // Another tenant can't take it, nor can the honest one's.
    const registrar = (
      await world.own.run("token", "registrar", "--name", "p7", "--project", "p-7")
    ).stdout.trim();
    world.secrets.add(registrar);
    const body = { project: "p-7", service: "web", liveness: "platform" };
    const taken = async (id: string, address: string) =>
      codeOf(
        await call(world.service.url, `PUT /v1/instances/${id}`, {
          token: registrar,
          body: { ...body, endpoints: [{ name: "node", address }] },
        }),
      );
    await until(
      async () => (await taken("new", "127.35.7.1")).startsWith("409"),
      (known) => known,
      5_000,
    );
    expect(await taken("new", "127.35.7.1")).toBe("409 address_taken");
    expect(await taken("new", "127.35.0.1")).toBe("409 address_taken");
    expect(
      await world.joins(await world.mint("127.35.0.0/16", { project: "p-7" }), "new", "127.35.0.1"),
    ).toBe("409 address_taken");
    // The platform gives it to another machine; both at once are never listed.
    const seen: string[] = [];
    let stop = false;
    const watch = (async () => {
      while (!stop) {
        const owners = JSON.parse(await world.listed()) as {
          targets: string[];
          labels: Record<string, string>;
        }[];
        seen.push(
          owners
            .filter(({ targets }) => targets.includes("127.35.7.1:9100"))
            .map(({ labels }) => labels["__meta_ferry_instance"])
            .join("+"),
        );
        await delay(20);
      }
    })();
    expect(await world.put("new", "127.35.7.1", { project: "p-7" })).toBe("201 ok");
    await world.becomes("honest up", "new up");
    stop = true;
    await watch;
    expect([...new Set(seen)].sort()).toEqual(["new", "old"]);
    expect(await stateOf(world.service, world.own.token("platform"), "old")).toBe("removed");
    const owners = await until(
      () => query(world.prometheus.url, 'up{instance="127.35.7.1:9100"}'),
      (found) => found.length === 1,
    );
    expect(owners).toMatchObject([{ labels: { instance_id: "new", project_id: "p-7" } }]);
    await removed("new");
  });

  attack(8, "a machine that says that it is another one is seen in the data", async (context) => {
    await serveOn(context, "127.35.8.1", 9100, page('promferry_instance_info{instance_id="stranger"} 1\n'));
    expect(await world.put("expected", "127.35.8.1")).toBe("201 ok");
    await world.becomes("expected up", "honest up");
    const rules = await world.platform("GET /v1/config/rules");
    const expr = /alert: FerryIdentityMismatch\n\s+expr: (.+)\n/.exec(rules.text)![1]!;
    const promql = expr.startsWith('"') ? (JSON.parse(expr) as string) : expr.replace(/^'|'$/g, "");
    expect(
      await until(
        () => query(world.prometheus.url, promql),
        (found) => found.length > 0,
      ),
    ).toMatchObject([{ labels: { instance_id: "expected", exported_instance_id: "stranger" } }]);
    await removed("expected");
  });

  attack(10, "no time but the store's own counts", async () => {
    expect(await world.put("honest", "127.35.0.1", { seen_at: "2099-01-01T00:00:00Z" })).toMatch(/^400 /);
    const deadline = async (): Promise<number> =>
      Date.parse(
        (JSON.parse((await world.platform("GET /v1/instances/honest")).text) as { deadline: string })
          .deadline,
      );
    const beaten = await world.beat("honest", keyOf("honest"), { date: "Thu, 01 Jan 2099 00:00:00 GMT" });
    expect(beaten.status).toBe(204);
    expect(Math.abs((await deadline()) - Date.now() - 300_000)).toBeLessThan(10_000);
  });

  attack(11, "a client that can't wait is told to, and loses nothing by it", async () => {
    const token = await world.mint("127.35.11.0/24");
    expect(await world.joins(token, "eager", "127.35.11.1")).toBe("201 ok");
    const answers = await Promise.all(Array.from({ length: 60 }, () => world.beat("eager")));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(30);
    expect(refused).toHaveLength(30);
    for (const { headers } of refused) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    // Nobody else is held up, and it stays what it was.
    expect((await world.beat("honest")).status).toBe(204);
    expect(await stateOf(world.service, world.own.token("platform"), "eager")).toBe("active");
    await world.becomes("eager down", "honest up");
    await removed("eager");
  });

  attack(12, "what was overheard says nothing a second time", async () => {
    const token = await world.mint("127.35.12.0/24");
    expect(await world.joins(token, "quoted", "127.35.12.1")).toBe("201 ok");
    const key = keyOf("quoted");
    expect((await world.beat("honest", key)).status).toBe(401);
    expect(codeOf(await call(world.service.url, "DELETE /v1/instances/honest", { token: key }))).toBe(
      "401 wrong_key",
    );
    const old = JSON.parse((await world.platform("GET /v1/instances/quoted")).text) as { rev: number };
    expect(await world.put("quoted", "127.35.12.2", { liveness: "heartbeat" })).toBe("200 ok");
    const replayed = await call(world.service.url, "PUT /v1/instances/quoted", {
      token: world.own.token("platform"),
      headers: { "if-match": `W/"${old.rev}"` },
      body: { project: "p-1", service: "web", endpoints: [{ name: "node", address: "127.35.12.1" }] },
    });
    expect(codeOf(replayed)).toBe("412 revision_mismatch");
    await removed("quoted");
    expect((await world.beat("quoted")).status).toBe(410);
    expect(await world.joins(token, "quoted", "127.35.12.1")).toBe("410 instance_removed");
    expect(await world.joins(await world.mint("127.35.12.0/24"), "quoted", "127.35.12.1")).toBe(
      "410 instance_removed",
    );
    expect(await world.put("quoted", "127.35.12.1")).toBe("410 instance_removed");
    await delay(2_000);
    await world.becomes("honest up");
  });

  attack(13, "a tenant sees its own targets and metrics, whatever it asks", async () => {
    const own = await world.own.run("token", "reader", "--name", "tenant", "--project", "p-13");
    const token = own.stdout.trim();
    world.secrets.add(token);
    const ask = (path: string) => call(world.service.url, `GET ${path}`, { token });
    const known = () => ask("/v1/sd/prometheus");
    expect((await until(known, ({ status }) => status === 200)).text).toBe("[]\n");
    for (const path of [
      "/v1/sd/prometheus?project=p-1",
      "/v1/services/web/metrics",
      "/v1/services/web/metrics?project=p-1",
      "/v1/projects/p-1/metrics",
      "/v1/instances/honest/metrics",
      "/v1/instances/honest",
      "/v1/instances",
    ]) {
      const { status, text } = await ask(path);
      expect([401, 403, 404], `${path}: ${text}`).toContain(status);
      expect(text).not.toContain("127.35.0.1");
    }
    const changes = await ask("/v1/sd/changes?since=0");
    expect((JSON.parse(changes.text) as { items: unknown[] }).items).toEqual([]);
    for (const id of ['web"} or up{x="', "web\\", "web`", "{__name__=~'.+'}", "web%0A", "$__x"]) {
      const { status } = await world.platform(`GET /v1/services/${encodeURIComponent(id)}/metrics`);
      expect([400, 404]).toContain(status);
    }
  });

  attack(16, "nothing unpinned gets into user data", async () => {
    const options = { os: "debian", project: "p-1", service: "web", ranges: ["10.0.0.0/8"] };
    for (const more of [
      { exporter: { kind: "container", image: "prom/node-exporter:latest" } },
      { cadvisor: { image: "gcr.io/cadvisor/cadvisor:v0.49" } },
    ]) {
      const refused = await world.platform("POST /v1/user-data", { ...options, ...more });
      expect(codeOf(refused)).toBe("422 user_data_unpinned");
    }
  });

  attack(14, "after all this no secret stands in a log or a page of state", async () => {
    const { stdout, stderr } = world.service.program.output();
    const pages = await Promise.all(
      ["/api/v1/status/config", "/api/v1/targets", "/metrics"].map(async (path) =>
        (await fetch(`${world.prometheus.url}${path}`)).text(),
      ),
    );
    const audit = readFileSync(join(world.own.dir, "audit.jsonl"), "utf8");
    const metrics = (await world.platform("GET /metrics")).text;
    const all = [stdout, stderr, audit, metrics, world.prometheus.log(), ...pages].join("\n");
    expect(world.secrets.size).toBeGreaterThan(20);
    for (const secret of world.secrets) expect(all).not.toContain(secret);
  });
});

describeWithServers(["prometheus"], "a fleet that falls silent", () => {
  played.add(9);
  test("threat 9: neither silence nor an outage of our own takes a target away", async (context) => {
    const silent = await startAttacked(context, [
      "timings: {lease: 6s, heartbeat: 2s, lost_hold: 6s}",
      "sweep_interval: 500ms",
    ]);
    const { own, service } = silent;
    const ids = Array.from({ length: 8 }, (_, i) => `i-${i}`);
    for (const [i, id] of ids.entries()) {
      expect(await silent.joins(await silent.mint("127.35.20.0/24"), id, `127.35.20.${i + 1}`)).toBe(
        "201 ok",
      );
    }
    const all = ids.map((id) => `${id} down`);
    await silent.becomes(...all);
    const states = async (): Promise<string> =>
      [...new Set(await Promise.all(ids.map((id) => stateOf(service, own.token("platform"), id))))].join();

    // Nobody is heard of for two leases: too many at once to be true.
    await delay(12_000);
    expect(await states()).toBe("active");
    expect((await call(service.url, "GET /metrics")).text).toMatch(/^promferry_targets_held_lapses 8$/m);
    expect(await silent.targets()).toEqual(all);
    for (const id of ids) expect((await silent.beat(id)).status).toBe(204);

    // We are away for longer than a lease, and back: nobody can have been heard of.
    process.kill(service.program.pid, "SIGSTOP");
    await delay(8_000);
    expect(await silent.targets()).toEqual(all);
    process.kill(service.program.pid, "SIGCONT");
    await delay(2_000);
    expect(await states()).toBe("active");
    expect(await silent.targets()).toEqual(all);
  });
});

test("every threat is played, or says why not", () => {
  expect(THREATS.map(({ row }) => row)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
  expect(THREATS.filter(({ shown }) => shown.includes(HERE)).map(({ row }) => row)).toEqual(
    [...played].sort((a, b) => a - b),
  );
  for (const { shown } of THREATS) {
    expect(shown.length).toBeGreaterThan(0);
    for (const place of shown) {
      const [, file] = /^(\S+\.e2e\.ts)/.exec(place) ?? [];
      if (file !== undefined) expect(() => readFileSync(new URL(file, import.meta.url))).not.toThrow();
      else expect(place).toMatch(/^(?:not played|bench): /);
    }
  }
});
