import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGENT_SCRIPT } from "@promferry/target-registry/cloud-init";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type ProgramResult, requireProgram, startProgram } from "./harness/index.ts";

/** What the scripted service does with one request; `cut` takes it and closes without an answer. */
type Step =
  | "cut"
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

interface Seen {
  readonly call: string;
  readonly authorization: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Service {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** Answers to come, in this order; a request without one is a 500 and fails the comparison. */
  readonly steps: Step[];
}

interface Machine {
  readonly dir: string;
  readonly state: string;
  run(args: readonly string[], env?: Record<string, string>): Promise<ProgramResult>;
  configure(settings: Readonly<Record<string, string>>): void;
  /** A program of this name that comes before the machine's own. */
  stub(name: string, script: string): void;
  /** Seconds of each wait, since the last look. */
  waits(): readonly number[];
  giveToken(text: string): void;
  read(path: string): string;
  has(path: string): boolean;
  /** The next heartbeat is due this many seconds from now. */
  dueIn(seconds: number): void;
}

const SECRET = "S".repeat(43);
const TOKEN = `jt-${"a".repeat(20)}.${SECRET}.-`;
const CREATED: Step = { status: 201, headers: { "Heartbeat-After": "90" }, body: "{}" };

async function listen(server: Server, scheme: string): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(
  steps: Step[] = [],
  tls?: { readonly key: string; readonly cert: string },
): Promise<Service> {
  const seen: Seen[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      seen.push({
        call: `${request.method} ${request.url}`,
        authorization: request.headers.authorization,
        body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
      });
      const step = steps.shift() ?? { status: 500, body: "no step left" };
      if (step === "cut") request.socket.destroy();
      else response.writeHead(step.status, step.headers ?? {}).end(step.body);
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  return { url: await listen(server, tls === undefined ? "http" : "https"), seen, steps };
}

/** A machine below one folder: the agent, its files, and stubs in front of the programs that wait or ask systemd. */
async function machine(shell: string, settings: Readonly<Record<string, string>>): Promise<Machine> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-agent-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const [bin, state, run] = [join(dir, "bin"), join(dir, "state"), join(dir, "run")];
  for (const folder of [bin, state, run]) mkdirSync(folder);
  writeFileSync(join(dir, "agent"), AGENT_SCRIPT);
  const waited = join(dir, "waited");
  writeFileSync(waited, "");
  const own: Machine = {
    dir,
    state,
    async run(args, env = {}) {
      const options = {
        env: { PATH: `${bin}:${process.env["PATH"]}`, PROMFERRY_CONFIG: join(dir, "agent.conf"), ...env },
      };
      return (await startProgram(shell, [join(dir, "agent"), ...args], options)).done;
    },
    configure(more) {
      const all = {
        INSTANCE_ID: "i-0abc",
        ENDPOINTS: "node:9100 app:8000",
        ADDRESS: "10.0.0.5",
        STATE_DIR: state,
        RUN_DIR: run,
        TEXTFILE_DIR: join(dir, "textfile"),
        ...settings,
        ...more,
      };
      writeFileSync(
        join(dir, "agent.conf"),
        Object.entries(all)
          .map(([name, value]) => `${name}='${value}'\n`)
          .join(""),
      );
    },
    stub(name, script) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    },
    waits() {
      const lines = readFileSync(waited, "utf8").split("\n").filter(Boolean).map(Number);
      writeFileSync(waited, "");
      return lines;
    },
    giveToken: (text) => writeFileSync(join(state, "join-token"), `${text}\n`, { mode: 0o600 }),
    read: (path) => readFileSync(join(dir, path), "utf8"),
    has: (path) => existsSync(join(dir, path)),
    dueIn(seconds) {
      const uptime = Number(readFileSync("/proc/uptime", "utf8").split(".")[0]);
      writeFileSync(join(run, "due"), `${uptime + seconds}\n`);
    },
  };
  own.configure({});
  own.stub("sleep", `echo "$1" >>'${waited}'`);
  own.stub("systemctl", "exit 0");
  return own;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

beforeEach((context) => requireProgram(context, "curl", "od", "awk", "sha256sum"));

for (const shell of ["dash", "bash"]) {
  describe(`the agent under ${shell}`, () => {
    beforeEach((context) => requireProgram(context, shell));

    test("joins through an overload and a cut connection, beats, is forgotten, joins again and says goodbye", async () => {
      const service = await serve([{ status: 503, headers: { "Retry-After": "7" } }, "cut", CREATED]);
      const own = await machine(shell, { SERVICE_URL: service.url });
      own.giveToken(TOKEN);

      const joined = await own.run(["join"]);
      expect(joined.code, joined.stderr).toBe(0);
      const key = own.read("state/key").trim();
      expect(key).toMatch(/^[0-9a-f]{64}$/);
      const join = {
        call: "POST /v1/join",
        authorization: undefined,
        body: {
          token: TOKEN,
          instance_id: "i-0abc",
          boot_id: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
          key: sha256(key),
          endpoints: [
            { name: "node", address: "10.0.0.5", port: 9100 },
            { name: "app", address: "10.0.0.5", port: 8000 },
          ],
        },
      };
      // The lost answer is asked for again with the same key.
      expect(service.seen).toEqual([join, join, join]);
      const [first, second, ...more] = own.waits();
      expect(first).toBeGreaterThanOrEqual(8);
      expect(first).toBeLessThanOrEqual(9);
      expect(second).toBeLessThanOrEqual(4);
      expect(more).toEqual([]);
      expect(own.has("state/join-token")).toBe(false);
      expect(statSync(`${own.state}/key`).mode & 0o777).toBe(0o600);
      expect(own.read("textfile/promferry.prom")).toContain(
        'promferry_instance_info{instance_id="i-0abc"} 1\n',
      );
      expect(statSync(`${own.dir}/textfile/promferry.prom`).mode & 0o777).toBe(0o644);

      // Heartbeat-After was 90: the timer's next looks send nothing.
      expect((await own.run(["heartbeat"])).code).toBe(0);
      expect(service.seen).toHaveLength(3);
      own.dueIn(15);
      service.steps.push({ status: 204, headers: { "Heartbeat-After": "40" } });
      expect((await own.run(["heartbeat"])).code).toBe(0);
      expect(own.waits()[0]).toBeGreaterThanOrEqual(14);
      expect(service.seen.at(-1)).toEqual({
        call: "POST /v1/instances/i-0abc/heartbeat",
        authorization: `Bearer ${key}`,
        body: { boot_id: join.body.boot_id },
      });

      // Forgotten, and no new token: refused once, then silence.
      own.dueIn(0);
      service.steps.push({ status: 410, body: '{"code":"gone"}' });
      expect((await own.run(["heartbeat"])).code).toBe(3);
      expect((await own.run(["heartbeat"])).code).toBe(0);
      expect(service.seen).toHaveLength(5);

      // A new token: joins with a new key.
      const next = TOKEN.replaceAll("S", "N");
      own.giveToken(next);
      service.steps.push(CREATED);
      expect((await own.run(["join"])).code).toBe(0);
      const nextKey = own.read("state/key").trim();
      expect(nextKey).not.toBe(key);
      expect(service.seen.at(-1)?.body).toEqual({ ...join.body, token: next, key: sha256(nextKey) });

      // A unit that stops, or a reboot, is no goodbye.
      expect((await own.run(["stop"])).code).toBe(0);
      own.stub("systemctl", 'echo " 12 reboot.target start waiting"');
      expect((await own.run(["stop"])).code).toBe(0);
      expect(service.seen).toHaveLength(6);
      for (const kind of ["poweroff", "halt"]) {
        own.stub("systemctl", `[ "$1" = list-jobs ] && echo " 12 ${kind}.target start waiting"`);
        service.steps.push({ status: 503 }, { status: 204 });
        expect((await own.run(["stop"])).code).toBe(0);
        expect(service.seen.slice(-2).map(({ call }) => call)).toEqual(
          Array(2).fill(`DELETE /v1/instances/i-0abc?reason=${kind}`),
        );
        expect(service.seen.at(-1)?.authorization).toBe(`Bearer ${nextKey}`);
      }
      expect(service.steps).toEqual([]);
    });

    test("a forgotten instance that has got a new token joins again at once", async () => {
      const service = await serve([CREATED]);
      const own = await machine(shell, { SERVICE_URL: service.url });
      own.giveToken(TOKEN);
      expect((await own.run(["join"])).code).toBe(0);
      own.giveToken(TOKEN);
      own.dueIn(0);
      service.steps.push({ status: 410 }, CREATED);
      expect((await own.run(["heartbeat"])).code).toBe(0);
      expect(service.seen.map(({ call }) => call)).toEqual([
        "POST /v1/join",
        "POST /v1/instances/i-0abc/heartbeat",
        "POST /v1/join",
      ]);
      expect(own.has("state/join-token")).toBe(false);
    });

    test.each([400, 401, 403, 409, 410, 422])(
      "a join that is answered %i is refused for good",
      async (status) => {
        const service = await serve([{ status, body: '{"code":"some_code"}' }]);
        const own = await machine(shell, { SERVICE_URL: service.url });
        own.giveToken(TOKEN);
        const result = await own.run(["join"]);
        expect(result.code).toBe(3);
        expect(result.stderr).toContain("some_code");
        expect(result.stderr).not.toContain(SECRET);
        expect(service.seen).toHaveLength(1);
        expect(own.has("state/joined")).toBe(false);
      },
    );

    test("a redirect is not followed", async () => {
      const elsewhere = await serve();
      const service = await serve([{ status: 307, headers: { Location: `${elsewhere.url}/v1/join` } }]);
      const own = await machine(shell, { SERVICE_URL: service.url });
      own.giveToken(TOKEN);
      expect((await own.run(["join"])).code).toBe(3);
      expect(elsewhere.seen).toEqual([]);
    });

    test("a service that can't be reached is tried with growing, jittered pauses, then left for later", async () => {
      // Reserved, never listened on.
      const own = await machine(shell, { SERVICE_URL: "http://127.0.0.1:1" });
      own.giveToken(TOKEN);
      const result = await own.run(["join"]);
      expect(result.code).toBe(4);
      const waits = own.waits();
      for (const [index, seconds] of waits.entries()) {
        expect(seconds).toBeGreaterThanOrEqual(1);
        expect(seconds).toBeLessThanOrEqual(Math.min(60, 2 ** (index + 1)));
      }
      expect(Math.max(...waits)).toBeGreaterThan(16);
      const sum = waits.reduce((a, b) => a + b, 0);
      expect(sum).toBeLessThanOrEqual(900);
      expect(sum).toBeGreaterThan(800);
      expect(own.has("state/join-token")).toBe(true);
    });

    test.each([
      { answer: { status: 429, headers: { "Retry-After": "50" } } as Step, code: 4, next: [50, 55] },
      { answer: { status: 503 } as Step, code: 4, next: [60, 66] },
      { answer: "cut" as Step, code: 4, next: [60, 66] },
      { answer: { status: 401 } as Step, code: 3, next: [300, 330] },
      { answer: { status: 204, headers: { "Heartbeat-After": "200" } } as Step, code: 0, next: [200, 220] },
      {
        answer: { status: 204, headers: { "Heartbeat-After": "999999" } } as Step,
        code: 0,
        next: [3600, 3960],
      },
      { answer: { status: 204 } as Step, code: 0, next: [60, 66] },
    ])(
      "a heartbeat answered $answer ends with $code, the next is due in $next s",
      async ({ answer, code, next }) => {
        const service = await serve([CREATED]);
        const own = await machine(shell, { SERVICE_URL: service.url });
        own.giveToken(TOKEN);
        await own.run(["join"]);
        own.dueIn(0);
        service.steps.push(answer);
        expect((await own.run(["heartbeat"])).code).toBe(code);
        const uptime = Number(readFileSync("/proc/uptime", "utf8").split(".")[0]);
        const due = Number(own.read("run/due")) - uptime;
        expect(due).toBeGreaterThanOrEqual(next[0]! - 2);
        expect(due).toBeLessThanOrEqual(next[1]! + 1);
        expect(own.has("state/joined")).toBe(true);
      },
    );

    test("a join that was given up and started again still shows the same key", async () => {
      const service = await serve(Array<Step>(1000).fill("cut"));
      const own = await machine(shell, { SERVICE_URL: service.url });
      own.giveToken(TOKEN);
      expect((await own.run(["join"])).code).toBe(4);
      service.steps.splice(0, Infinity, { status: 200 });
      expect((await own.run(["join"])).code).toBe(0);
      expect(service.seen.length).toBeGreaterThan(10);
      expect(new Set(service.seen.map(({ body }) => body["key"])).size).toBe(1);
    });

    test("after a reboot it sends a heartbeat and joins no second time", async () => {
      const service = await serve([CREATED]);
      const own = await machine(shell, { SERVICE_URL: service.url });
      own.giveToken(TOKEN);
      await own.run(["join"]);
      rmSync(join(own.dir, "run"), { recursive: true });
      rmSync(join(own.dir, "textfile"), { recursive: true });
      service.steps.push({ status: 204 });
      expect((await own.run(["join"])).code).toBe(0);
      expect(service.seen.map(({ call }) => call)).toEqual([
        "POST /v1/join",
        "POST /v1/instances/i-0abc/heartbeat",
      ]);
      expect(own.has("textfile/promferry.prom")).toBe(true);
    });

    test("state that came in a snapshot of another instance is not used", async () => {
      const service = await serve([CREATED]);
      const own = await machine(shell, { SERVICE_URL: service.url });
      own.giveToken(TOKEN);
      await own.run(["join"]);
      const key = own.read("state/key");
      own.configure({ INSTANCE_ID: "i-copy" });
      expect((await own.run(["heartbeat"])).code).toBe(0);
      own.giveToken(TOKEN);
      service.steps.push(CREATED);
      expect((await own.run(["join"])).code).toBe(0);
      expect(service.seen).toHaveLength(2);
      expect(service.seen[1]?.body["instance_id"]).toBe("i-copy");
      expect(own.read("state/key")).not.toBe(key);
    });

    test("no secret is ever on a command line", async () => {
      const service = await serve(["cut", CREATED, { status: 204 }]);
      const own = await machine(shell, { SERVICE_URL: service.url });
      const lines = join(own.dir, "lines");
      for (const name of ["curl", "tr", "sha256sum", "cat", "head", "awk"]) {
        const real = execFileSync("/bin/sh", ["-c", `command -v ${name}`])
          .toString()
          .trim();
        own.stub(name, `printf '%s ' "$0" "$@" >>'${lines}'; exec ${real} "$@"`);
      }
      own.giveToken(TOKEN);
      expect((await own.run(["join"])).code).toBe(0);
      own.dueIn(0);
      expect((await own.run(["heartbeat"])).code).toBe(0);
      const printed = own.read("lines");
      expect(printed).toContain("/v1/instances/i-0abc/heartbeat");
      expect(printed).not.toContain(SECRET);
      expect(printed).not.toContain(own.read("state/key").trim());
      // Nor is one left behind.
      expect(readdirSync(join(own.dir, "run")).filter((name) => name.startsWith("work"))).toEqual([]);
    });

    test.each([
      {
        name: "an id that cloud-init could not fill in",
        settings: { INSTANCE_ID: "CI_MISSING_JINJA_VAR/instance_id" },
        code: 3,
      },
      { name: "an id with a quote in it", settings: { INSTANCE_ID: 'i"x' }, code: 3 },
      { name: "a missing service address", settings: { SERVICE_URL: "" }, code: 2 },
    ])("$name ends it with $code", async ({ settings, code }) => {
      const own = await machine(shell, { SERVICE_URL: "http://127.0.0.1:1" });
      own.configure(settings);
      own.giveToken(TOKEN);
      expect((await own.run(["join"])).code).toBe(code);
    });

    test("believes only the CA it was given, and that only where the token names it", async (context) => {
      requireProgram(context, "openssl");
      const dir = await mkdtemp(join(tmpdir(), "promferry-ca-"));
      onTestFinished(() => rm(dir, { recursive: true, force: true }));
      const [right, wrong] = ["right", "wrong"].map((name) => {
        const [key, cert] = [join(dir, `${name}.key`), join(dir, `${name}.pem`)];
        const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
        const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
        execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, ...subject], {
          stdio: "ignore",
        });
        return { file: cert, key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
      });
      const service = await serve([CREATED], right!);
      const named = (cert: string) => TOKEN.replace(/-$/, sha256(cert));

      const fooled = await machine(shell, { SERVICE_URL: service.url, CA_FILE: wrong!.file });
      fooled.giveToken(named(wrong!.cert));
      expect((await fooled.run(["join"])).code).toBe(4);

      const swapped = await machine(shell, { SERVICE_URL: service.url, CA_FILE: wrong!.file });
      swapped.giveToken(named(right!.cert));
      expect((await swapped.run(["join"])).code).toBe(3);
      expect(service.seen).toEqual([]);

      const own = await machine(shell, { SERVICE_URL: service.url, CA_FILE: right!.file });
      own.giveToken(named(right!.cert));
      const joined = await own.run(["join"]);
      expect(joined.code, joined.stderr).toBe(0);
    });

    test("fetches a program only with its digest", async (context) => {
      requireProgram(context, "openssl", "tar");
      const dir = await mkdtemp(join(tmpdir(), "promferry-fetch-"));
      onTestFinished(() => rm(dir, { recursive: true, force: true }));
      const [key, cert] = [join(dir, "key"), join(dir, "cert")];
      const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
      const subject = ["-subj", "/CN=files", "-addext", "subjectAltName=IP:127.0.0.1"];
      execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, ...subject], {
        stdio: "ignore",
      });
      mkdirSync(join(dir, "node_exporter-1"));
      writeFileSync(join(dir, "node_exporter-1/node_exporter"), "the program\n");
      execFileSync("tar", ["-czf", join(dir, "archive"), "-C", dir, "node_exporter-1"]);
      const archive = readFileSync(join(dir, "archive"));
      const server = createTlsServer(
        { key: readFileSync(key), cert: readFileSync(cert) },
        (_request, response) => response.end(archive),
      );
      const url = `${await listen(server, "https")}/archive.tar.gz`;
      const own = await machine(shell, {});
      const target = join(own.dir, "node_exporter");
      const env = { CURL_CA_BUNDLE: cert };

      expect((await own.run(["fetch", url, "0".repeat(64), target], env)).code).toBe(3);
      expect(existsSync(target)).toBe(false);
      const digest = createHash("sha256").update(archive).digest("hex");
      const fetched = await own.run(["fetch", url, digest, target], env);
      expect(fetched.code, fetched.stderr).toBe(0);
      expect(readFileSync(target, "utf8")).toBe("the program\n");
      expect(statSync(target).mode & 0o777).toBe(0o755);

      own.stub("tar", `case $1 in -x*) echo half; exit 2 ;; *) exec /usr/bin/tar "$@" ;; esac`);
      const second = join(own.dir, "second/node_exporter");
      mkdirSync(join(own.dir, "second"));
      expect((await own.run(["fetch", url, digest, second], env)).code).toBe(4);
      expect(existsSync(second)).toBe(false);
    });

    test("without timers it joins and beats by itself until it is forgotten", async () => {
      const service = await serve([
        CREATED,
        { status: 204, headers: { "Heartbeat-After": "1" } },
        { status: 204 },
        { status: 410 },
      ]);
      const own = await machine(shell, { SERVICE_URL: service.url });
      // Time is what passes in a wait: the boot is as long ago as was waited.
      own.stub(
        "cut",
        `[ "$3" = /proc/uptime ] || exec /usr/bin/cut "$@"; awk '{ s += $1 } END { print s + 0 }' '${own.dir}/waited'`,
      );
      own.giveToken(TOKEN);
      const result = await own.run(["run"]);
      expect(result.code, result.stderr).toBe(3);
      expect(service.seen.map(({ call }) => call.split("/").at(-1))).toEqual([
        "join",
        "heartbeat",
        "heartbeat",
        "heartbeat",
      ]);
      const total = own.waits().reduce((a, b) => a + b, 0);
      expect(total).toBeGreaterThanOrEqual(90 + 1 + 60);
      expect(total).toBeLessThanOrEqual(99 + 20 + 1 + 66 + 20);
    });

    const LINES = {
      lo: "1: lo    inet 127.0.0.1/8 scope host lo",
      docker: "3: docker0    inet 172.17.0.1/16 brd 172.17.255.255 scope global docker0",
      public: "2: eth0    inet 203.0.113.7/24 brd 203.0.113.255 scope global eth0",
      private: "4: eth1@if9    inet 10.1.2.3/24 brd 10.1.2.255 scope global eth1",
      other: "5: eth2    inet 192.168.7.8/24 scope global dynamic eth2",
      shared: "5: eth2    inet 100.64.3.4/24 scope global dynamic eth2",
      nearly: "5: eth2    inet 172.32.0.1/16 scope global eth2",
      six: "2: eth0    inet6 fd00:1::5/64 scope global ",
      public6: "2: eth0    inet6 2001:db8::5/64 scope global ",
      temporary6: "2: eth0    inet6 fd00:1::dead/64 scope global temporary dynamic ",
    };
    test.each([
      {
        name: "the private one beside a public one and a bridge",
        lines: ["docker", "public", "private"],
        host: "10.1.2.3",
      },
      { name: "the first of two private ones", lines: ["other", "private"], host: "192.168.7.8" },
      { name: "a carrier's shared one", lines: ["shared"], host: "100.64.3.4" },
      {
        name: "an IPv6 one in brackets where there is no other",
        lines: ["public", "public6", "temporary6", "six"],
        host: "[fd00:1::5]",
      },
      { name: "IPv4 before IPv6", lines: ["six", "private"], host: "10.1.2.3" },
      {
        name: "a public one only where its interface is named",
        lines: ["private", "public"],
        interface: "eth0",
        host: "203.0.113.7",
      },
      { name: "none of the public ones", lines: ["public", "public6", "nearly", "docker"], host: undefined },
    ] as const)("listens on $name", async ({ lines, host, ...rest }) => {
      const own = await machine(shell, { SERVICE_URL: "http://127.0.0.1:1", ADDRESS: "" });
      own.configure("interface" in rest ? { INTERFACE: rest.interface } : {});
      own.stub("ip", `cat <<'END'\n${lines.map((line) => LINES[line]).join("\n")}\nEND`);
      const result = await own.run(["address"]);
      if (host === undefined) {
        expect(result.code).toBe(4);
        expect(own.has("run/address.env")).toBe(false);
      } else {
        expect(result.code, result.stderr).toBe(0);
        expect(own.read("run/address.env")).toBe(
          `FERRY_ADDRESS=${host.replace(/[[\]]/g, "")}\nFERRY_HOST=${host}\n`,
        );
      }
    });
  });
}
