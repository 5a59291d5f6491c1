import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { LONGEST_TIMER_MS } from "@promferry/core/delivery";
import { CliError } from "../cli-error.ts";
import { cliVersion } from "../cli-version.ts";
import { isLoopbackHost, wouldExposeCredentials } from "../config/check-url.ts";
import { resolveFromConfig } from "../config/load-config.ts";
import type { Context } from "../context.ts";
import { readSecret, type SecretSource } from "../credentials/read-secret.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { createHttpClient } from "../upload/http-client.ts";
import { traceFetch } from "../upload/trace-fetch.ts";

/** The options that every command takes which talks to the service. */
export interface ServiceOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
}

/** An answer with a 2xx or 304. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export interface ServiceRequest {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Longest wait for the answer, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
}

/** The target service as one caller sees it. */
export interface ServiceClient {
  readonly url: string;
  /** @throws {ServiceError} */
  request(method: string, path: string, request?: ServiceRequest): Promise<ServiceAnswer>;
}

/** The service did not do what was asked: exit 2 when it refused that, 75 when it is worth another try, 69 when it failed. */
export class ServiceError extends CliError {
  /** Undefined where no answer came. */
  readonly status: number | undefined;
  /** Of the problem document, such as `unknown_instance`. */
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    exitCode: ExitCode,
    message: string,
    details: {
      status?: number;
      code?: string | undefined;
      retryAfterMs?: number | undefined;
      hint?: string;
      cause?: unknown;
    } = {},
  ) {
    super(exitCode, message, details);
    this.status = details.status;
    this.code = details.code;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** Where the service listens when nothing is configured. */
const DEFAULT_URL = "http://127.0.0.1:9180";
/** Answers are small, but for lists of a large fleet. */
const MAX_BODY_BYTES = 256 * 1024 ** 2;

/**
 * Connects by flag, environment or configuration, in this order; opens no connection yet.
 *
 * The token comes from `--token-file`, PROMFERRY_TARGETS_TOKEN, PROMFERRY_TARGETS_TOKEN_FILE, or `targets` of the
 * configuration. Without any, nothing is sent.
 *
 * @throws {CliError} Exit 78 for an address or a file that can't be used, 77 for a token that can't be had.
 */
export async function connectService(context: Context, options: ServiceOptions): Promise<ServiceClient> {
  const { io } = context;
  const { targets, file } = await context.settings();
  const url = serviceUrl(options.url ?? io.env["PROMFERRY_TARGETS_URL"] ?? targets.url ?? DEFAULT_URL);
  const here = (path: string): string => resolveFromConfig(path, `${io.cwd}/.`, io.home);
  const there = (path: string): string => resolveFromConfig(path, file, io.home);
  const source = tokenSource(options, io.env, targets, { here, there });
  const token =
    source === undefined
      ? undefined
      : await readSecret(source, {
          setting: "token of the target service",
          redactor: context.redactor,
          env: io.env,
          cwd: io.cwd,
          interactive: io.interactive,
          signal: io.signal,
        });
  if (token !== undefined && wouldExposeCredentials(url)) {
    throw new CliError(EXIT.config, `${url}: the token would go over plain http, readable on the way`, {
      hint: "use https://",
    });
  }
  const ca = options.caFile ?? io.env["PROMFERRY_TARGETS_CA_FILE"];
  const caFile = ca !== undefined ? here(ca) : targets.ca_file && there(targets.ca_file);
  const client =
    (await createHttpClient({
      url,
      owner: "the target service",
      tls: caFile === undefined ? undefined : { ca: caFile, cert: undefined, key: undefined },
      env: io.env,
    })) ?? fetch;
  const fetchIt = context.out.isVerbose ? traceFetch(client, context.out, io.now) : client;
  return createServiceClient({ url, token, fetch: fetchIt, signal: io.signal });
}

/** A client with the settings already found. */
export function createServiceClient(options: {
  readonly url: string;
  readonly token: string | undefined;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
}): ServiceClient {
  const { url, token } = options;
  return {
    url,
    async request(method, path, { body, headers, timeoutMs = 30_000, signal } = {}) {
      const timer = AbortSignal.timeout(Math.min(timeoutMs, LONGEST_TIMER_MS));
      const signals = [options.signal, timer, ...(signal === undefined ? [] : [signal])];
      let answer: Response;
      let text: string;
      try {
        answer = await options.fetch(`${url}${path}`, {
          method,
          redirect: "manual",
          signal: AbortSignal.any(signals),
          headers: {
            "user-agent": `promferry/${cliVersion()}`,
            accept: "application/json",
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        text = await readText(answer);
      } catch (error) {
        if (options.signal.aborted) throw options.signal.reason;
        if (signal?.aborted) throw signal.reason;
        throw unreachable(url, timer.aborted, error);
      }
      if (answer.ok || answer.status === 304)
        return { status: answer.status, headers: answer.headers, body: text };
      throw refusal(url, answer, text);
    },
  };
}

/**
 * The same call twice where the first answer was lost, with one key: the service does it once, or makes the first
 * secret worthless.
 */
export async function requestOnce(
  client: ServiceClient,
  method: string,
  path: string,
  body: unknown,
): Promise<ServiceAnswer> {
  const headers = { "idempotency-key": randomUUID() };
  try {
    return await client.request(method, path, { body, headers });
  } catch (error) {
    if (!(error instanceof ServiceError) || error.status !== undefined) throw error;
    await delay(500);
    return client.request(method, path, { body, headers });
  }
}

/** @throws {ServiceError} Exit 69 where the answer is no JSON object. */
export function jsonOf<T extends object>(answer: ServiceAnswer): T {
  try {
    const value: unknown = JSON.parse(answer.body);
    if (typeof value === "object" && value !== null) return value as T;
  } catch {
    // Told below.
  }
  throw new ServiceError(EXIT.unavailable, "the service's answer is not what was expected", {
    status: answer.status,
    hint: `it began with ${JSON.stringify(answer.body.slice(0, 80))}`,
  });
}

function serviceUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash) {
    const shown = text.replace(/\/\/[^/@]*@/, "//…@");
    throw new CliError(EXIT.config, `the target service's address ${shown} can't be used`, {
      hint: "expected https://host:port, or http:// on this machine",
    });
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

interface Configured {
  readonly token?: string | undefined;
  readonly token_file?: string | undefined;
  readonly token_cmd?: string | string[] | undefined;
}

function tokenSource(
  { tokenFile }: ServiceOptions,
  env: Context["io"]["env"],
  targets: Configured,
  path: { here: (path: string) => string; there: (path: string) => string },
): SecretSource | undefined {
  if (tokenFile !== undefined) return { file: path.here(tokenFile) };
  const value = env["PROMFERRY_TARGETS_TOKEN"];
  if (value) return { value };
  const file = env["PROMFERRY_TARGETS_TOKEN_FILE"];
  if (file) return { file: path.here(file) };
  if (targets.token_file !== undefined) return { file: path.there(targets.token_file) };
  if (targets.token_cmd !== undefined) return { command: targets.token_cmd };
  return undefined;
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error(`an answer of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unreachable(url: string, late: boolean, error: unknown): ServiceError {
  const { cause } = error as { cause?: { code?: unknown; message?: unknown } };
  const why = late ? "no answer in time" : String(cause?.code ?? cause?.message ?? (error as Error).message);
  const here = isLoopbackHost(new URL(url).hostname);
  return new ServiceError(EXIT.unavailable, `the target service ${url} can't be reached: ${why}`, {
    hint: here
      ? "start it, `promferry-targets`, or name another one with --url or PROMFERRY_TARGETS_URL"
      : "check --url, the network and --ca-file",
    cause: error,
  });
}

interface ProblemDocument {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly problems?: readonly { readonly path: string; readonly expected: string; readonly found: string }[];
}

function refusal(url: string, { status, headers }: Response, text: string): ServiceError {
  const problem = headers.get("content-type")?.startsWith("application/problem+json")
    ? (parsed(text) as ProblemDocument)
    : undefined;
  const retryAfter = Number(headers.get("retry-after"));
  const details = {
    status,
    code: problem?.code,
    retryAfterMs: retryAfter > 0 ? retryAfter * 1_000 : undefined,
  };
  const words = problem
    ? `${problem.title ?? "refused"}: ${problem.detail ?? "no detail"} (${problem.code ?? status})`
    : `status ${status}`;
  const lines = (problem?.problems ?? []).map(
    ({ path, expected, found }) => `${path || "/"}: expected ${expected}, found ${found}`,
  );
  const hint = lines.length > 0 ? { hint: lines.join("\n") } : {};
  if (status === 401 || (status === 403 && problem?.code === "forbidden")) {
    return new ServiceError(EXIT.credentials, `the target service refused the token: ${words}`, {
      ...details,
      hint: "name its file with --token-file or PROMFERRY_TARGETS_TOKEN_FILE",
    });
  }
  if (status === 429 || status === 503) {
    return new ServiceError(EXIT.tryLater, `the target service asks to wait: ${words}`, {
      ...details,
      ...hint,
    });
  }
  if (status >= 500)
    return new ServiceError(EXIT.unavailable, `the target service failed: ${words}`, details);
  if (problem === undefined) {
    return new ServiceError(
      EXIT.config,
      `${url} answered with status ${status}, and not as a target service does`,
      {
        ...details,
        hint: "check --url; redirects are not followed",
      },
    );
  }
  return new ServiceError(EXIT.usage, `the target service refused it: ${words}`, { ...details, ...hint });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
