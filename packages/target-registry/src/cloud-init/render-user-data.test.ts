import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { AGENT_SCRIPT } from "./agent-script.ts";
import { DISTRIBUTIONS, type Distribution } from "./distribution.ts";
import { lintUserData } from "./lint/lint-user-data.ts";
import { PATHS } from "./paths.ts";
import { renderUserData } from "./render-user-data.ts";
import type { UserDataOptions } from "./user-data-options.ts";

const TOKEN = `jt-${"a".repeat(20)}.${"S".repeat(43)}.-`;
const DIGEST = `sha256:${"0".repeat(64)}`;
const BASE: UserDataOptions = {
  os: "debian",
  serviceUrl: "https://targets.example:8443/",
  joinToken: TOKEN,
  instanceId: "i-1",
};

interface CloudConfig {
  readonly packages: readonly string[];
  readonly runcmd: readonly (readonly string[])[];
  readonly write_files: readonly { path: string; permissions: string; encoding?: string; content: string }[];
}

function render(options: Partial<UserDataOptions> = {}): CloudConfig {
  return parse(renderUserData({ ...BASE, ...options }).text) as CloudConfig;
}

function fileOf(config: CloudConfig, path: string): string {
  return config.write_files.find((file) => file.path.endsWith(path))?.content ?? "";
}

/** What each distribution can do by itself. */
function exporterFor(os: Distribution): Partial<UserDataOptions> {
  return DISTRIBUTIONS[os].exporter === undefined
    ? { exporter: { kind: "container", image: `a/node-exporter@${DIGEST}` } }
    : {};
}

for (const os of Object.keys(DISTRIBUTIONS) as Distribution[]) {
  test(`what ${os} gets has quoted modes, argument lists and no finding`, () => {
    const options = { ...BASE, os, ...exporterFor(os) };
    const { text, proven } = renderUserData(options);
    expect(proven).toBe(os === "debian" || os === "ubuntu");
    expect(text.startsWith("#cloud-config\nmerge_how: ")).toBe(true);
    expect(lintUserData(text, { os, provider: "ec2" })).toEqual([]);
    const config = parse(text) as CloudConfig;
    for (const { permissions } of config.write_files) expect(permissions).toMatch(/^0\d{3}$/);
    for (const command of config.runcmd) {
      expect(command.every((word) => typeof word === "string" && /^\S+$/.test(word))).toBe(true);
    }
    expect(renderUserData(options).text).toBe(text);
  });
}

test("the token and the configuration are for root only, and the token is in one place", () => {
  const config = render();
  const modes = Object.fromEntries(config.write_files.map(({ path, permissions }) => [path, permissions]));
  expect(modes).toMatchObject({ [PATHS.config]: "0600", [PATHS.joinToken]: "0600", [PATHS.agent]: "0755" });
  expect(renderUserData(BASE).text.split(TOKEN)).toHaveLength(2);
  expect(fileOf(config, PATHS.config)).toBe(
    "SERVICE_URL='https://targets.example:8443'\nINSTANCE_ID='i-1'\nENDPOINTS='node:9100'\nTEXTFILE_DIR='/var/lib/prometheus/node-exporter'\n",
  );
});

test("the agent travels compressed", () => {
  const agent = render().write_files.find(({ path }) => path === PATHS.agent);
  expect(agent?.encoding).toBe("gz+b64");
  expect(gunzipSync(Buffer.from(agent!.content, "base64")).toString()).toBe(AGENT_SCRIPT);
});

test("it is a template only where the instance has to fill something in", () => {
  const { instanceId: _, ...unknown } = BASE;
  expect(renderUserData(unknown).text).toMatch(/^## template: jinja\n#cloud-config\n/);
  expect(renderUserData(unknown).text).toContain("INSTANCE_ID='{{ v1.instance_id }}'");
  const any = renderUserData({ ...BASE, os: "any" });
  expect(any.text).toMatch(/^## template: jinja\n#cloud-config\n/);
  expect(any.proven).toBe(false);
  expect(lintUserData(any.text, { provider: "ec2" })).toEqual([]);
});

test("the exporter listens on the private address, within limits, and starts only after the address is known", () => {
  const dropIn = fileOf(render({ limits: { exporterMemoryMib: 80 } }), "/promferry.conf");
  expect(dropIn).toContain("Requires=promferry-address.service\n");
  expect(dropIn).toContain("EnvironmentFile=/run/promferry/address.env\n");
  expect(dropIn).toContain("--web.listen-address=${FERRY_HOST}:9100");
  expect(dropIn).toContain("MemoryMax=80M\nCPUQuota=20%\n");
});

test("containers are pinned, limited, published on the private address, and registered", () => {
  const config = render({
    exporter: { kind: "container", image: `quay.io/prometheus/node-exporter@${DIGEST}` },
    cadvisor: { image: `gcr.io/cadvisor/cadvisor:v0.49.1@${DIGEST}` },
    endpoints: [{ name: "my-app", port: 8000 }],
  });
  expect(config.packages).toContain("docker.io");
  expect(fileOf(config, PATHS.config)).toContain("ENDPOINTS='node:9100 cadvisor:8080 my-app:8000'\n");
  const cadvisor = fileOf(config, "/promferry-cadvisor.service");
  expect(cadvisor).toContain("--publish=${FERRY_HOST}:8080:8080");
  expect(cadvisor).toContain("--memory=160m");
  expect(cadvisor).not.toContain("--privileged");
  const exporter = fileOf(config, "/promferry-node-exporter.service");
  expect(exporter).toContain("--cpus=0.2");
  expect(exporter).toContain("--web.listen-address=${FERRY_HOST}:9100");
});

test("a static build is fetched with its digest before its service starts", () => {
  const { runcmd } = render({
    os: "rocky",
    exporter: { kind: "binary", url: "https://files.example/x.tar.gz", sha256: "0".repeat(64) },
  });
  const fetch = runcmd.findIndex(([program]) => program === PATHS.agent);
  expect(runcmd[fetch]).toEqual([
    PATHS.agent,
    "fetch",
    "https://files.example/x.tar.gz",
    "0".repeat(64),
    PATHS.exporterProgram,
  ]);
  expect(runcmd.findIndex((argv) => argv.includes("promferry-node-exporter.service"))).toBeGreaterThan(fetch);
});

test("a pre-built image needs the files of one instance only", () => {
  const config = render({ prebuilt: true });
  expect(Object.keys(config)).toEqual(["merge_how", "write_files"]);
  expect(config.write_files.map(({ path }) => path)).toEqual([PATHS.config, PATHS.joinToken]);
});

const CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const caHash = createHash("sha256").update(CA).digest("hex");

test("a CA that the token names is written as it is", () => {
  const config = render({ caPem: CA, joinToken: TOKEN.replace(/-$/, caHash) });
  expect(Buffer.from(fileOf(config, PATHS.ca), "base64").toString()).toBe(CA);
  expect(fileOf(config, PATHS.config)).toContain(`CA_FILE='${PATHS.ca}'\n`);
});

const OPTION = "ERR_USER_DATA_OPTION";
const UNPINNED = "ERR_USER_DATA_UNPINNED";
for (const { name, options, code } of [
  { name: "plain http", options: { serviceUrl: "http://targets.example" }, code: OPTION },
  { name: "a user in the address", options: { serviceUrl: "https://a:b@targets.example" }, code: OPTION },
  {
    name: "a quote in the address",
    options: { serviceUrl: "https://targets.example/'$(id)'" },
    code: OPTION,
  },
  { name: "no address at all", options: { serviceUrl: "targets" }, code: OPTION },
  { name: "a token with a line break", options: { joinToken: `${TOKEN}\nX='1'` }, code: OPTION },
  {
    name: "a token whose CA is not given",
    options: { joinToken: TOKEN.replace(/-$/, caHash) },
    code: OPTION,
  },
  {
    name: "a token that names another CA",
    options: { joinToken: TOKEN.replace(/-$/, caHash), caPem: `${CA}\n` },
    code: OPTION,
  },
  { name: "a CA that is none", options: { caPem: "{{ x }}" }, code: OPTION },
  { name: "an id with a template in it", options: { instanceId: "{{x}}" }, code: OPTION },
  { name: "every interface as address", options: { address: "0.0.0.0" }, code: OPTION },
  { name: "every IPv6 interface as address", options: { address: "::" }, code: OPTION },
  { name: "a name as address", options: { address: "host.example" }, code: OPTION },
  { name: "an interface with a quote", options: { interface: "e'0" }, code: OPTION },
  { name: "a gauge with a quote", options: { identityMetric: "a'b" }, code: OPTION },
  { name: "an endpoint with a space", options: { endpoints: [{ name: "a b", port: 1 }] }, code: OPTION },
  { name: "a port out of range", options: { endpoints: [{ name: "app", port: 65_536 }] }, code: OPTION },
  { name: "nothing to register", options: { exporter: { kind: "none" } }, code: OPTION },
  { name: "a limit of nothing", options: { limits: { exporterMemoryMib: 0 } }, code: OPTION },
  { name: "a package that Rocky does not have", options: { os: "rocky" }, code: OPTION },
  {
    name: "containers without systemd",
    options: { os: "alpine", cadvisor: { image: `a@${DIGEST}` } },
    code: OPTION,
  },
  {
    name: "an image by tag",
    options: { cadvisor: { image: "gcr.io/cadvisor/cadvisor:latest" } },
    code: UNPINNED,
  },
  {
    name: "an image with half a digest",
    options: { exporter: { kind: "container", image: "a@sha256:00" } },
    code: UNPINNED,
  },
  {
    name: "an image with an option in front",
    options: { cadvisor: { image: `--privileged a@${DIGEST}` } },
    code: UNPINNED,
  },
  {
    name: "a download without a digest",
    options: { exporter: { kind: "binary", url: "https://a/b", sha256: "" } },
    code: UNPINNED,
  },
  {
    name: "a download by plain http",
    options: { exporter: { kind: "binary", url: "http://a/b", sha256: "0".repeat(64) } },
    code: OPTION,
  },
] as readonly { name: string; options: Partial<UserDataOptions>; code: string }[]) {
  test(`user data is not rendered with ${name}`, () => {
    expect(() => renderUserData({ ...BASE, ...options })).toThrow(expect.objectContaining({ code }));
  });
}

test("a refused token is not in the message", () => {
  expect(() => renderUserData({ ...BASE, joinToken: "top secret" })).toThrow(/^joinToken: (?!.*top secret)/);
});
