import type { EncodedRequest, HttpOptions } from "@promferry/core/delivery";
import { parseEndpoint, toBatch } from "@promferry/core/delivery";
import type { EpochMs } from "@promferry/core/series";
import { createRemoteWrite } from "@promferry/remote-write";
import { cliVersion } from "../cli-version.ts";
import { unsetVariables } from "../config/check-variables.ts";
import { destinationKind } from "../config/destination-kind.ts";
import type { Settings } from "../config/load-config.ts";
import { formatPath } from "../config/problem.ts";
import type { DestinationConfig } from "../config/schema.ts";
import { expandVariables } from "../config/variables.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { connect } from "../upload/prepare-target.ts";
import { ageWindowCheck } from "./age-window.ts";
import { certificateCheck } from "./certificate.ts";
import { type Check, type Checker, checker } from "./check.ts";
import { clockCheck, nameCheck, reach } from "./reach.ts";

export interface DestinationLook {
  readonly secrets: Map<string, Promise<string>>;
  /** Time of the oldest frame that waits for it; `undefined`: none does. */
  readonly oldestMs: EpochMs | undefined;
}

/**
 * Looks at one destination from here: name, certificate, credentials, protocol, age of samples, limits. Nothing is stored there: remote write
 * is asked with an empty request, a Pushgateway whether it is ready, and any other address with HEAD.
 */
export async function destinationChecks(
  context: Context,
  settings: Settings,
  config: DestinationConfig,
  { secrets, oldestMs }: DestinationLook,
): Promise<Check[]> {
  const { io } = context;
  const checks = checker(config.name);
  const unset = unsetVariables(config, settings.app, io.env);
  if (unset.length > 0) {
    const named = unset.map(({ name, path }) => `\${${name}} in ${formatPath(path)}`).join(", ");
    return [checks.failed("variables", `not set: ${named}`, "set them in the environment", EXIT.config)];
  }
  const expand = (text: string) => expandVariables(text, (variable) => io.env[variable]);
  const url = expand(config.url);
  try {
    // Before its variables had values the configuration could not be told from a good one.
    parseEndpoint(url);
  } catch (error) {
    return [checks.failed("url", (error as Error).message, "correct it in the configuration", EXIT.config)];
  }
  const expanded = config.tenant === undefined ? config : { ...config, tenant: expand(config.tenant) };
  const name = await nameCheck(checks, url);
  if (name?.state === "failed") return [name];
  const found: Check[] = name ? [name] : [];

  let http: HttpOptions;
  try {
    const headers = Object.fromEntries(
      Object.entries(config.headers).map(([key, value]) => [
        key,
        expandVariables(value, (variable) => io.env[variable]),
      ]),
    );
    http = {
      timeoutMs: config.timeout,
      userAgent: `promferry/${cliVersion()}`,
      headers,
      ...(await connect(context, settings, config, { secrets })),
    };
  } catch (error) {
    return [
      ...found,
      checks.failed("settings", (error as Error).message, "correct it in the configuration", EXIT.config),
    ];
  }
  const certificate = await certificateCheck(checks, url, io.now());
  if (certificate) found.push(certificate);

  switch (destinationKind(config.type)) {
    case "remote-write":
      return [...found, ...(await remoteWriteChecks(checks, expanded, { url, http, oldestMs, now: io.now }))];
    case "pushgateway":
      return [...found, ...(await pushgatewayChecks(checks, { url, http, now: io.now }))];
    case "http":
      return [...found, ...(await headChecks(checks, { url, http, now: io.now }))];
  }
}

interface Address {
  readonly url: string;
  readonly http: HttpOptions;
  readonly now: () => number;
}

/** Snappy's block format of nothing, which is also an empty request of both versions. */
const EMPTY = Uint8Array.of(0);

async function remoteWriteChecks(
  checks: Checker,
  config: DestinationConfig,
  { url, http, now, oldestMs }: Address & { readonly oldestMs: EpochMs | undefined },
): Promise<Check[]> {
  const asking = (protocol: 1 | 2) => reach(checks, emptyRequest(config, url, protocol, now()), http, now);
  const wanted = config.protocol === 2 ? 2 : 1;
  const first = await asking(wanted);
  if ("failure" in first) return [first.failure];
  const found = [
    checks.ok("answer", `an empty request is taken (${first.reply.status}, ${Math.round(first.tookMs)} ms)`),
    clockCheck(checks, first, now()),
  ];
  const second = wanted === 2 ? first : await asking(2);
  const speaks2 = "reply" in second && second.reply.headers.has("x-prometheus-remote-write-samples-written");
  if (speaks2)
    found.push(
      checks.ok(
        "protocol",
        wanted === 2
          ? "2.0, as configured"
          : `${wanted}.0 is used; the server speaks 2.0 too (protocol: auto)`,
      ),
    );
  else if (wanted === 2) {
    const detail =
      "the server took a request of 2.0 without saying that it understood it: samples would be lost";
    found.push(checks.failed("protocol", detail, "set protocol: 1, or auto", EXIT.config));
  } else found.push(checks.ok("protocol", "1.0; the server does not speak 2.0"));
  found.push(await ageWindowCheck(checks, url, http, { oldestMs, nowMs: now() }));
  const { maxSamples, maxBytes } = createRemoteWrite({ name: config.name, url }).limits;
  found.push(checks.ok("limits", `at most ${maxSamples} samples and ${maxBytes} bytes in a request`));
  return found;
}

/** With address and headers as an upload's, and nothing in it. */
function emptyRequest(
  config: DestinationConfig,
  url: string,
  protocol: 1 | 2,
  nowMs: EpochMs,
): EncodedRequest {
  const destination = createRemoteWrite({
    name: config.name,
    url,
    protocol,
    tenantInPath: config.tenant_in_path,
    ...(config.tenant === undefined ? {} : { tenant: config.tenant }),
  });
  const series = { name: "promferry_doctor", labels: [] };
  const family = { name: series.name, type: "gauge", help: "", unit: "" } as const;
  const [request] = destination.encode(toBatch([{ series, family, timestampMs: nowMs, value: 0 }])).requests;
  if (!request) throw new Error("remote write makes a request of one sample");
  return { ...request, body: EMPTY };
}

async function pushgatewayChecks(checks: Checker, { url, http, now }: Address): Promise<Check[]> {
  const ready = await reach(
    checks,
    { method: "GET", url: `${url.replace(/\/+$/, "")}/-/ready`, headers: {}, body: new Uint8Array() },
    http,
    now,
  );
  if ("failure" in ready) return [ready.failure];
  return [
    checks.ok("answer", `it is ready (${ready.reply.status}, ${Math.round(ready.tookMs)} ms)`),
    clockCheck(checks, ready, now()),
    checks.ok("age of samples", "a Pushgateway takes no timestamps: it holds the latest state alone"),
  ];
}

async function headChecks(checks: Checker, { url, http, now }: Address): Promise<Check[]> {
  const head = await reach(checks, { method: "HEAD", url, headers: {}, body: new Uint8Array() }, http, now);
  if ("failure" in head) {
    // An endpoint that takes only POST says no to HEAD, and is there all the same.
    const { name, detail } = head.failure;
    const isThere =
      name === "answer" && head.status !== undefined && head.status !== 404 && head.status < 500;
    if (!isThere) return [head.failure];
    return [checks.unknown("answer", `${detail}; only an upload shows whether it takes data`)];
  }
  return [
    checks.ok(
      "answer",
      `something answers (${head.reply.status}, ${Math.round(head.tookMs)} ms); only an upload shows whether it takes data`,
    ),
    clockCheck(checks, head, now()),
  ];
}
