import { expect, test } from "vitest";
import { runCli } from "../../test/run-cli.ts";
import { problem, scriptedService } from "../../test/scripted-service.ts";
import { addressOf } from "../targets/simulate-fleet.ts";

interface Joined {
  readonly key: string;
  readonly boots: string[];
  heartbeats: number;
}

/** Just enough of a service: tokens, joins, heartbeats, goodbyes. */
async function smallService(refuse: (id: string) => boolean = () => false) {
  const instances = new Map<string, Joined>();
  const goodbyes: string[] = [];
  const addresses = new Set<string>();
  const { url } = await scriptedService(({ method, path, body, authorization }) => {
    const document = body as Record<string, string & { address: string }[]>;
    const [, id = "", what] = /^\/v1\/instances\/([^/?]+)(\/heartbeat)?/.exec(path) ?? [];
    if (path === "/v1/join-tokens") {
      if (refuse(document["instance_id"]!)) return problem(429, "quota_exceeded", {});
      return { status: 201, body: { id: "jt", token: `jt.${document["instance_id"]}.-`, expires_at: "x" } };
    }
    if (path === "/v1/join") {
      const { instance_id, key, boot_id, endpoints } = document;
      instances.set(instance_id!, { key: key!, boots: [boot_id!], heartbeats: 0 });
      addresses.add(endpoints![0]!.address);
      return { status: 201, body: { heartbeat_after: 60 } };
    }
    const instance = instances.get(id)!;
    if (method === "DELETE") {
      goodbyes.push(id);
      return { status: 204 };
    }
    expect(what).toBe("/heartbeat");
    expect(authorization).toMatch(/^Bearer [A-Za-z0-9_-]{43}$/);
    instance.heartbeats += 1;
    if (!instance.boots.includes(document["boot_id"]!)) instance.boots.push(document["boot_id"]!);
    return { status: 204 };
  });
  return { url, instances, goodbyes, addresses };
}

test("plays joins, heartbeats, reboots, deaths, a lost network and goodbyes", async () => {
  const { url, instances, goodbyes, addresses } = await smallService();
  const argv =
    "targets simulate --instances 6 --duration 1s --heartbeat 40ms --die 1 --cut-off 1 --reboot 2 --json";
  const { exitCode, json, stderr } = await runCli([...argv.split(" "), "--url", url]);
  expect(exitCode).toBe(0);
  expect(json()).toMatchObject({ joined: 6, refused: {}, died: 1, cut_off: 1, rebooted: 2, left: 5 });
  expect(stderr).toContain("1 die, 1 lose their network\n2 reboot\n1 are back\n5 say goodbye\n");
  expect([...addresses].sort()).toEqual([1, 2, 3, 4, 5, 6].map((n) => `127.40.0.${n}`));
  const [dead, cut, ...others] = [...instances]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, entry]) => entry);
  expect(dead!.heartbeats).toBeLessThan(cut!.heartbeats);
  expect(cut!.heartbeats).toBeLessThan(others[3]!.heartbeats);
  expect(others.map(({ boots }) => boots.length)).toEqual([2, 2, 1, 1]);
  expect(goodbyes).not.toContain("sim-web-1");
  expect(goodbyes).toHaveLength(5);
});

test("who is refused is counted, and is exit 3", async () => {
  const { url, goodbyes } = await smallService();
  const other = await scriptedService(() => problem(422, "invalid_content"));
  const argv = ["targets", "simulate", "--instances", "2", "--duration", "20ms", "--json", "--url"];
  const { exitCode, json } = await runCli([...argv, other.url]);
  expect(exitCode).toBe(3);
  expect(json()).toMatchObject({ joined: 0, refused: { invalid_content: 2 } });
  expect((await runCli([...argv, url, "--stay"])).exitCode).toBe(0);
  expect(goodbyes).toEqual([]);
});

test("--serve shows an exporter on each address while it runs", async () => {
  const { url } = await smallService();
  let page = "";
  const argv = "targets simulate --instances 2 --duration 300ms --network 127.41 --port 19100 --serve --url";
  const run = runCli([...argv.split(" "), url]);
  const ask = async (): Promise<string> => (await fetch("http://127.41.0.2:19100/metrics")).text();
  while (page === "") page = await ask().catch(() => "");
  expect(page).toContain('promferry_instance_info{instance_id="sim-web-2"} 1');
  expect((await run).exitCode).toBe(0);
});

for (const [argv, says] of [
  [["--network", "10.0"], "inside 127/8"],
  [["--network", "127.256"], "inside 127/8"],
  [["--url", "https://targets.example"], "not on this machine"],
  [["--instances", "60001"], "at most 60000"],
] as const) {
  test(`simulate ${argv.join(" ")} is exit 2`, async () => {
    const { exitCode, stderr } = await runCli(["targets", "simulate", ...argv]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(says);
  });
}

test("addresses go on from one to the next, without network and broadcast", () => {
  expect([0, 253, 254, 59_999].map((n) => addressOf("127.40", n))).toEqual([
    "127.40.0.1",
    "127.40.0.254",
    "127.40.1.1",
    "127.40.236.56",
  ]);
});
