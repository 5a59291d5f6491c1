import { cpSync } from "node:fs";
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  AGENT_SCRIPT,
  encodeUserData,
  lintUserData,
  mergeUserData,
  PATHS,
  renderImageBuildScript,
  renderUserData,
  type UserDataOptions,
} from "@promferry/target-registry/cloud-init";
import { expect, onTestFinished, test } from "vitest";
import { parse, stringify } from "yaml";
import { treeFolder } from "../tools/servers.mjs";
import {
  cloudInitProgram,
  describeWithServers,
  requireProgram,
  requireServer,
  runCloudInitPython,
  startProgram,
  workspaceRoot,
} from "./harness/index.ts";

const TOKEN = `jt-${"a".repeat(20)}.${"S".repeat(43)}.-`;
const DIGEST = `sha256:${"0".repeat(64)}`;
const BASE: UserDataOptions = { os: "debian", serviceUrl: "https://targets.example:8443", joinToken: TOKEN };

interface Ran {
  readonly config: {
    readonly packages: readonly string[];
    readonly runcmd: readonly (readonly string[])[];
    readonly [key: string]: unknown;
  };
  readonly scripts: Readonly<Record<string, string>>;
  readonly boothooks: readonly { readonly type: string; readonly payload: string }[];
  /** Path to mode. */
  readonly files: Readonly<Record<string, string>>;
  /** The script that runcmd becomes. */
  readonly runcmd: string;
  readonly log: string;
  /** Where the files were written. */
  readonly root: string;
}

async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-cloud-init-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** What an instance of this distribution would hold after its first boot, by cloud-init's own code. */
async function boot(data: Uint8Array | string, distro = "debian"): Promise<Ran> {
  const dir = await temporaryFolder();
  await writeFile(join(dir, "user-data"), data);
  const instance = { v1: { distro, instance_id: "i-0abc" }, ds: {} };
  await writeFile(join(dir, "instance.json"), JSON.stringify(instance));
  const out = join(dir, "out");
  await mkdir(out);
  const script = join(workspaceRoot, "e2e/cloud-init/run_user_data.py");
  const result = await runCloudInitPython([script, join(dir, "user-data"), join(dir, "instance.json"), out]);
  expect(result.code, result.stderr).toBe(0);
  return { ...(JSON.parse(result.stdout) as Omit<Ran, "root">), root: join(out, "root") };
}

/** The verdict of `cloud-init schema`. */
async function schema(text: string): Promise<string> {
  const dir = await temporaryFolder();
  const instance = { v1: { distro: "debian", instance_id: "i-0abc" }, ds: {} };
  await writeFile(join(dir, "instance.json"), JSON.stringify(instance));
  await writeFile(join(dir, "user-data"), text);
  const args = ["schema", "-c", join(dir, "user-data"), "--instance-data", join(dir, "instance.json")];
  const { stdout, stderr } = await runCloudInitPython([cloudInitProgram(), ...args]);
  return `${stdout}${stderr}`.replaceAll(join(dir, "user-data"), "DATA").trim();
}

function seed(name: string): Promise<string> {
  return readFile(join(workspaceRoot, "packages/target-registry/test", name), "utf8");
}

const RENDERINGS: Readonly<Record<string, UserDataOptions>> = {
  debian: BASE,
  ubuntu: { ...BASE, os: "ubuntu", instanceId: "i-1" },
  fedora: { ...BASE, os: "fedora" },
  "rocky with a static build": {
    ...BASE,
    os: "rocky",
    exporter: { kind: "binary", url: "https://files.example/node_exporter.tar.gz", sha256: "0".repeat(64) },
  },
  opensuse: { ...BASE, os: "opensuse" },
  alpine: { ...BASE, os: "alpine" },
  "any distribution": { ...BASE, os: "any" },
  "containers and cAdvisor": {
    ...BASE,
    exporter: { kind: "container", image: `quay.io/prometheus/node-exporter@${DIGEST}` },
    cadvisor: { image: `gcr.io/cadvisor/cadvisor@${DIGEST}` },
  },
  "a pre-built image": { ...BASE, prebuilt: true },
};

describeWithServers(["cloud-init"], "the real cloud-init", () => {
  for (const [name, options] of Object.entries(RENDERINGS)) {
    test(`finds the rendering for ${name} valid`, async () => {
      expect(await schema(renderUserData(options).text)).toBe("Valid schema DATA");
    });
  }

  test("finds the first design's user data valid, but its shell sees arguments that begin with a space", async () => {
    for (const name of ["seed-user-data.yaml", "seed-go-user-data.yaml"]) {
      const text = await seed(name);
      expect(await schema(text), name).toBe("Valid schema DATA");

      const { runcmd } = await boot(text);
      const dir = await temporaryFolder();
      await writeFile(join(dir, "docker"), `#!/bin/sh\nprintf '<%s>' "$@"\necho\n`);
      await chmod(join(dir, "docker"), 0o755);
      const shell = await startProgram("/bin/sh", ["-c", runcmd], { env: { PATH: dir } });
      const { stdout } = await shell.done;
      expect(stdout, name).toContain("<--restart=always>< --net=host>");

      expect(lintUserData(text).map(({ code }) => code)).toEqual(
        expect.arrayContaining(["backslash-in-plain-scalar", "argv-leading-space", "unpinned-image"]),
      );
    }
  });

  test.each(["debian", "ubuntu"])(
    "writes files, modes and commands on %s as they were meant",
    async (distro) => {
      const ran = await boot(renderUserData({ ...BASE, os: "any" }).text, distro);

      expect(ran.log).toBe("");
      expect(ran.files).toMatchObject({
        [PATHS.agent]: "0755",
        [PATHS.config]: "0600",
        [PATHS.joinToken]: "0600",
        "/etc/systemd/system/promferry-agent.service": "0644",
        "/etc/systemd/system/prometheus-node-exporter.service.d/promferry.conf": "0644",
      });
      expect(await readFile(join(ran.root, PATHS.agent), "utf8")).toBe(AGENT_SCRIPT);
      expect((await stat(join(ran.root, PATHS.joinToken))).mode & 0o777).toBe(0o600);
      expect(await readFile(join(ran.root, PATHS.joinToken), "utf8")).toBe(`${TOKEN}\n`);
      expect(await readFile(join(ran.root, PATHS.config), "utf8")).toContain("INSTANCE_ID='i-0abc'\n");
      expect(ran.config.packages).toContain("prometheus-node-exporter");
      // Quoted by cloud-init itself: one word an argument, whatever is in it.
      for (const line of ran.runcmd.trimEnd().split("\n").slice(1))
        expect(line).toMatch(/^'[^']+'(?: '[^']+')*$/);
    },
  );

  test.each([
    { distro: "fedora", exporter: "node-exporter" },
    { distro: "opensuse-leap", exporter: "golang-github-prometheus-node_exporter" },
  ])("a template for any distribution takes $distro's names there", async ({ distro, exporter }) => {
    const ran = await boot(renderUserData({ ...BASE, os: "any" }).text, distro);
    expect(ran.log).toBe("");
    expect(ran.config.packages.at(-1)).toBe(exporter);
    expect(Object.keys(ran.files).filter((path) => path.endsWith(".d/promferry.conf"))).toHaveLength(1);
  });

  test("reads the same from a gzip body", async () => {
    const { text } = renderUserData(BASE);
    const [plain, packed] = [await boot(text), await boot(gzipSync(text))];
    expect(packed.config).toEqual(plain.config);
  });

  test("the CA arrives byte for byte, so that its digest is the one the token names", async () => {
    const caPem = `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n\n`;
    const ran = await boot(renderUserData({ ...BASE, caPem }).text);
    expect(await readFile(join(ran.root, PATHS.ca), "utf8")).toBe(caPem);
  });

  const OURS = renderUserData(BASE).text;
  const USERS = {
    config:
      "#cloud-config\npackages: [htop, 'grün']\npackage_update: false\nruncmd:\n  - [touch, /tmp/first]\nwrite_files:\n  - {path: /etc/motd, content: hello}\nntp: {enabled: true}\n",
    script: "#!/bin/sh\necho 'user'\r\n",
    template: "## template: jinja\n#cloud-config\nruncmd:\n  - [echo, '{{ v1.instance_id }}']\n",
    boothook: "#cloud-boothook\n#!/bin/sh\necho boot\n",
    archive:
      "#cloud-config-archive\n- type: text/cloud-config\n  content: |\n    #cloud-config\n    packages: [htop]\n",
  };

  test("merging keeps both sides, the user's first; either alone would lose one", async () => {
    const { config } = await boot(mergeUserData(OURS, USERS.config));
    expect(config.packages.slice(0, 3)).toEqual(["htop", "grün", "curl"]);
    expect(config.runcmd.slice(0, 2)).toEqual([
      ["touch", "/tmp/first"],
      ["systemctl", "daemon-reload"],
    ]);
    expect(config).toMatchObject({ package_update: false, ntp: { enabled: true } });
    expect(await schema(`#cloud-config\n${stringify(config)}`)).toBe("Valid schema DATA");

    const withoutRule = OURS.replace(/^merge_how:.*\n/m, "");
    const lost = await boot(mergeUserData(withoutRule, USERS.config));
    expect(lost.config.packages).not.toContain("htop");
  });

  test("a user's template and ours are both filled in and merged", async () => {
    const { config } = await boot(mergeUserData(OURS, USERS.template));
    expect(config.runcmd[0]).toEqual(["echo", "i-0abc"]);
    expect(config.runcmd[1]).toEqual(["systemctl", "daemon-reload"]);
  });

  test("a user's script passes through byte for byte", async () => {
    const ran = await boot(mergeUserData(OURS, USERS.script));
    expect(ran.scripts).toEqual({ "user-data": USERS.script });
    expect(ran.config.packages).toContain("prometheus-node-exporter");
  });

  test("a user's boothook passes through as one", async () => {
    const ran = await boot(mergeUserData(OURS, USERS.boothook));
    expect(ran.boothooks).toMatchObject([{ type: "text/cloud-boothook", payload: USERS.boothook }]);
    expect(ran.config.packages).toContain("prometheus-node-exporter");
  });

  test("a user's archive is unpacked and merged", async () => {
    const { config } = await boot(mergeUserData(OURS, USERS.archive));
    expect(config.packages.slice(0, 2)).toEqual(["htop", "curl"]);
  });

  test("a user's multi-part message keeps its parts, ours comes after them", async () => {
    const message = mergeUserData(USERS.config, USERS.script);
    const ran = await boot(mergeUserData(OURS, message));
    expect(Object.values(ran.scripts)).toEqual([USERS.script]);
    expect(ran.config.packages.slice(0, 3)).toEqual(["htop", "grün", "curl"]);
  });

  test("a user's part that was compressed is merged", async () => {
    const { config } = await boot(mergeUserData(OURS, gzipSync(USERS.config)));
    expect(config.packages.slice(0, 3)).toEqual(["htop", "grün", "curl"]);
  });

  test("what fits EC2 only compressed arrives whole", async () => {
    const users = `#cloud-config\nruncmd:\n${Array.from({ length: 300 }, (_, i) => `  - [echo, "line ${i}"]\n`).join("")}`;
    const encoded = encodeUserData(mergeUserData(OURS, users), "ec2");
    expect(encoded).toMatchObject({ encoding: "gzip" });
    const { config } = await boot(encoded.bytes);
    expect(config.runcmd[299]).toEqual(["echo", "line 299"]);
    expect(config.runcmd[300]).toEqual(["systemctl", "daemon-reload"]);
  });

  test("a pre-built image's data is files of one instance and nothing else", async () => {
    const ran = await boot(renderUserData({ ...BASE, prebuilt: true }).text);
    expect(Object.keys(ran.config)).toEqual(["write_files"]);
    expect(Object.keys(ran.files)).toEqual([PATHS.config, PATHS.joinToken]);
  });
});

/** A machine's tree: the units that ours refer to, and programs that only have to be there. */
async function machine(files: (root: string) => Promise<void>): Promise<string> {
  const root = await temporaryFolder();
  const units = join(root, "usr/lib/systemd/system");
  await mkdir(units, { recursive: true });
  for (const name of [
    "basic",
    "multi-user",
    "network-online",
    "shutdown",
    "sysinit",
    "time-sync",
    "timers",
  ]) {
    await writeFile(join(units, `${name}.target`), `[Unit]\nDescription=${name}\n`);
  }
  await writeFile(join(units, "docker.service"), "[Service]\nExecStart=/usr/bin/docker\n");
  for (const program of ["bin/kill", "usr/bin/docker", PATHS.exporterProgram]) {
    await mkdir(dirname(join(root, program)), { recursive: true });
    await writeFile(join(root, program), "", { mode: 0o755 });
  }
  cpSync(treeFolder("node-exporter-package"), root, { recursive: true });
  await files(root);
  return root;
}

/** Everything that `systemd-analyze verify` says; empty when the units are right. */
async function verifyUnits(root: string, units: readonly string[]): Promise<string> {
  const args = [`--root=${root}`, "--man=no", "--recursive-errors=yes", "verify", ...units];
  const { code, stdout, stderr } = await (await startProgram("systemd-analyze", args)).done;
  return `${stdout}${stderr}${code === 0 ? "" : `exit ${code}`}`;
}

const AGENT = [
  "promferry-address.service",
  "promferry-agent.service",
  "promferry-heartbeat.service",
  "promferry-heartbeat.timer",
];

for (const { name, units } of [
  { name: "debian", units: [...AGENT, "prometheus-node-exporter.service"] },
  {
    name: "containers and cAdvisor",
    units: [...AGENT, "promferry-node-exporter.service", "promferry-cadvisor.service"],
  },
  { name: "rocky with a static build", units: [...AGENT, "promferry-node-exporter.service"] },
]) {
  test(`systemd finds nothing wrong with the units for ${name}`, async (context) => {
    requireServer(context, "node-exporter-package");
    requireProgram(context, "systemd-analyze");
    // An instance's id and nothing else makes it a template; without, the files are plain YAML.
    const { text } = renderUserData({ ...RENDERINGS[name]!, instanceId: "i-1" });
    const { write_files } = parse(text) as { write_files: { path: string; content: string }[] };
    const root = await machine(async (root) => {
      for (const { path, content } of write_files) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), content, { mode: path === PATHS.agent ? 0o755 : 0o644 });
      }
    });
    expect(await verifyUnits(root, units)).toBe("");

    const agent = join(root, "etc/systemd/system/promferry-agent.service");
    await writeFile(
      agent,
      (await readFile(agent, "utf8")).replace("TimeoutStopSec=15", "TimeoutStopSec=soon"),
    );
    expect(await verifyUnits(root, units)).toContain("Failed to parse time value");
  });
}

test("the image-build script writes and enables everything in a mounted image", async (context) => {
  requireServer(context, "node-exporter-package");
  requireProgram(context, "systemd-analyze", "systemctl", "dash");
  // Its counterpart for another init system would ask for that system's programs in the image.
  const root = await machine((root) => rm(join(root, "etc/init.d"), { recursive: true }));
  const script = join(root, "build.sh");
  await writeFile(script, renderImageBuildScript());
  const built = await (await startProgram("dash", [script], { env: { ROOT: root } })).done;
  expect(built.code, built.stderr).toBe(0);

  expect(await readFile(join(root, PATHS.agent), "utf8")).toBe(AGENT_SCRIPT);
  expect((await stat(join(root, PATHS.agent))).mode & 0o777).toBe(0o755);
  const wanted = join(root, "etc/systemd/system/multi-user.target.wants");
  for (const unit of ["promferry-address", "promferry-agent", "prometheus-node-exporter"]) {
    expect((await lstat(join(wanted, `${unit}.service`))).isSymbolicLink(), unit).toBe(true);
  }
  // With everything wanted by its target, an ordering cycle would show.
  expect(await verifyUnits(root, ["multi-user.target", ...AGENT, "prometheus-node-exporter.service"])).toBe(
    "",
  );
  expect(lintUserData(renderImageBuildScript(), { os: "debian" })).toEqual([]);
});

test("the packaged exporter takes the drop-in's command: one address, no virtual device, the identity gauge", async (context) => {
  requireServer(context, "node-exporter-package");
  const root = await temporaryFolder();
  const { write_files } = parse(renderUserData({ ...BASE, instanceId: "i-1" }).text) as {
    write_files: { path: string; content: string }[];
  };
  const dropIn = write_files.find(({ path }) => path.endsWith("/promferry.conf"));
  const [program = "", ...flags] = /^ExecStart=(\S(?:[^\n\\]|\\\n)*)$/m
    .exec(dropIn!.content)![1]!
    .split(/(?:\s|\\\n)+/)
    .map((word) => word.replaceAll("$$", "$").replace("${FERRY_HOST}", "127.77.0.1"));
  expect(flags[0]).toBe("--web.listen-address=127.77.0.1:9100");
  const gauge = 'promferry_instance_info{instance_id="i-1"} 1';
  await writeFile(join(root, "promferry.prom"), `${gauge}\n`);

  const exporter = await startProgram(join(treeFolder("node-exporter-package"), program), [
    "--web.listen-address=127.77.0.1:0",
    ...flags.slice(1, -1),
    `--collector.textfile.directory=${root}`,
  ]);
  onTestFinished(exporter.stop);
  const [, address] = await exporter.waitFor(/Listening on.*address=(127\.77\.0\.1:\d+)/);
  const page = await (await fetch(`http://${address}/metrics`)).text();
  expect(page).toContain(gauge);
  expect(page).toContain('node_scrape_collector_success{collector="netdev"} 1');
  expect(page).toContain('node_scrape_collector_success{collector="netclass"} 1');
  expect(page).not.toMatch(/device="(?:lo|veth|docker|tap)/);
  // The folder that the agent writes to is the package's own.
  const folder = flags.at(-1)!.split("=")[1]!;
  expect((await stat(join(treeFolder("node-exporter-package"), folder))).isDirectory()).toBe(true);
});
