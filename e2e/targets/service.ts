/** The target service as it is started, in a folder of its own. */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type ProgramResult, type RunningProgram, startSource, workspaceRoot } from "../harness/index.ts";

export const SERVICE_MAIN: string = join(workspaceRoot, "apps/target-service/src/main.ts");

/** Where what is to be done at the end is left; a test's context is one. */
export interface Ending {
  onTestFinished(end: () => void | Promise<void>): void;
}

export interface Service {
  readonly url: string;
  readonly program: RunningProgram;
}

export interface Place {
  readonly dir: string;
  /** Starts the service here, on the port that it had before. */
  start(): Promise<Service>;
  /** Runs another command of the program. */
  run(...args: readonly string[]): Promise<ProgramResult>;
  token(name: string): string;
}

/** A folder with a configuration; tokens `platform` and `reader` are made by the command line. */
export async function place(context: Ending, lines: readonly string[] = []): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), "target-service-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  let port = 0;
  const defaults = lines.some((line) => line.startsWith("policy:")) ? [] : ["policy: {loopback: true}"];
  const configure = (): void =>
    writeFileSync(
      join(dir, "config.yaml"),
      [`listen: 127.0.0.1:${port}`, "data_dir: data", ...defaults, ...lines, ""].join("\n"),
    );
  configure();
  const args = ["--config", join(dir, "config.yaml")];
  const tokens = new Map<string, string>();
  const own: Place = {
    dir,
    async start() {
      configure();
      const program = await startSource(SERVICE_MAIN, args, { timeoutMs: 300_000 });
      context.onTestFinished(program.stop);
      const [, url] = await program.waitFor(/listens on (\S+)/);
      port = Number(new URL(url!).port);
      return { url: url!, program };
    },
    async run(...more) {
      const result = await (await startSource(SERVICE_MAIN, [...args, ...more])).done;
      expect(result.code, result.stderr).toBe(0);
      return result;
    },
    token: (name) => tokens.get(name)!,
  };
  for (const role of ["platform", "reader"]) {
    tokens.set(role, (await own.run("token", role, "--name", role)).stdout.trim());
  }
  return own;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export async function call(
  url: string,
  line: string,
  options: {
    readonly token?: string;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<Answer> {
  const [method, path] = line.split(" ") as [string, string];
  const { token, body, headers } = options;
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

export async function joinToken(
  service: Service,
  token: string,
  range: string,
  instance?: string,
): Promise<string> {
  const body = {
    project: "p-1",
    service: "web",
    ranges: [range],
    endpoints: ["node"],
    labels: { zone: "a" },
  };
  const answer = await call(service.url, "POST /v1/join-tokens", {
    token,
    body: { ...body, ...(instance && { instance_id: instance }) },
  });
  expect(answer.status, answer.text).toBe(201);
  return (JSON.parse(answer.text) as { token: string }).token;
}

export async function stateOf(service: Service, token: string, id: string): Promise<string> {
  const { text } = await call(service.url, `GET /v1/instances/${id}`, { token });
  return (JSON.parse(text) as { state?: string }).state ?? text;
}
