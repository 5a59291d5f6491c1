import { createHash } from "node:crypto";
import type { HttpOptions } from "@promferry/core/delivery";
import type { SessionInfo } from "@promferry/core/journal";
import {
  createScanner,
  IdentityError,
  type IdentityKind,
  ownNames,
  resolveIdentity,
  scanExemplars,
} from "@promferry/privacy";
import type { UploadTarget } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import { authType } from "../config/check-auth.ts";
import { EXPOSED_CREDENTIALS, wouldExposeCredentials } from "../config/check-url.ts";
import { unsetVariables, variableTexts } from "../config/check-variables.ts";
import { destinationKind } from "../config/destination-kind.ts";
import { resolveFromConfig, type Settings } from "../config/load-config.ts";
import { formatPath } from "../config/problem.ts";
import type { DestinationConfig, MetricsConfig } from "../config/schema.ts";
import { expandVariables, findVariables } from "../config/variables.ts";
import { type Context, cliVersion } from "../context.ts";
import { createAuthorization } from "../credentials/authorization.ts";
import { EXIT } from "../exit-codes.ts";
import { createDestination } from "./create-destination.ts";
import { createHttpClient } from "./http-client.ts";
import { loadNativeSnappy } from "./native-snappy.ts";
import { createPrivacyGate } from "./privacy-gate.ts";
import { destinationProjection, scanAction } from "./projection.ts";
import { type LabelTemplate, labelTemplate } from "./session-variables.ts";
import { traceFetch } from "./trace-fetch.ts";

export interface TargetPurpose {
  /** Nothing is read, run or made that only a real upload needs: secrets, certificates, the identity's key. */
  readonly dryRun: boolean;
  /** Secrets by source, shared by the targets of one run. */
  readonly secrets: Map<string, Promise<string>>;
  /** Whether a missing identity's key is made. Default: unless it is a dry run. */
  readonly createsKey?: boolean;
}

/** A destination ready for the uploader, with what the user should know about it. */
export interface PreparedTarget {
  readonly target: UploadTarget;
  /** Whether its series carry something that tells this installation from others. */
  readonly isDistinct: boolean;
  readonly notes: readonly string[];
  /** The `user` label; absent with identity none, and where the key is missing and was not to be made. */
  readonly user: string | undefined;
  /** What of the data stopped the upload; undefined where nothing did. */
  readonly blockedBy: () => string | undefined;
  /** The grouping labels of a session's series at a Pushgateway. */
  readonly groupLabels: (session: SessionInfo) => Readonly<Record<string, string>>;
}

/**
 * Puts a destination of the configuration together: address, credentials, identity, projection.
 *
 * @throws {CliError} Exit 78: a variable is not set, or a setting that can't work.
 */
export async function prepareTarget(
  context: Context,
  settings: Settings,
  config: DestinationConfig,
  purpose: TargetPurpose,
): Promise<PreparedTarget> {
  const { app, dir, metrics } = settings;
  const { env } = context.io;
  const fail = (what: string) => configError(settings, config, what);
  checkVariablesSet(context, settings, config, purpose);
  const connection = purpose.dryRun ? {} : await connect(context, settings, config, purpose);
  const scanner = createScanner({ ownNames: ownNames({ env, home: context.io.home }) });
  const gate = createPrivacyGate();
  const snappy = destinationKind(config.type) === "remote-write" ? await loadNativeSnappy() : undefined;

  const build = (user: string | undefined) => {
    const fixed = (name: string) => (name === "USER_HASH" ? (user ?? "") : (env[name] ?? ""));
    const expand = (text: string) => expandVariables(text, fixed);
    const template = (text: string) => labelTemplate(text, { app, fixed });
    const grouping = mapValues(config.grouping_keys ?? {}, template);
    if (!config.grouping_keys && user !== undefined) grouping["user"] = user;
    const headers = mapValues(config.headers, expand);
    const http: HttpOptions = {
      timeoutMs: config.timeout,
      userAgent: `promferry/${cliVersion()}`,
      headers,
      ...connection,
    };
    return {
      destination: createDestination({ config, expand, http, app, grouping, snappy }),
      grouping,
      externalLabels: mapValues(config.external_labels, template),
      // With each text as it stands, for what only a session knows.
      labelTexts: [config.external_labels, config.grouping_keys ?? {}].map((texts) =>
        mapValues(texts, (text) => [text, expand(text)]),
      ),
    };
  };

  try {
    const kind = identityKind(metrics);
    const destination = build(undefined).destination.identity;
    const create = purpose.createsKey ?? !purpose.dryRun;
    const { user, warning, provisional } = await resolveIdentity({ kind, destination, dir, create });
    if (user === undefined && namesUserHash(config))
      throw fail("${USER_HASH} has no value with identity none");
    const built = build(user);
    const named = { ...config.external_labels, ...config.grouping_keys };
    return {
      isDistinct: user !== undefined || metrics.exclusive || "user" in named || "instance" in named,
      notes: warning ? [warning] : [],
      user: provisional ? undefined : user,
      blockedBy: gate.blockedBy,
      groupLabels: (session) =>
        mapValues(built.grouping, (value) => (typeof value === "string" ? value : value(session))),
      target: {
        destination: gate.guard(built.destination, (batch) =>
          config.scan_pages ? scanExemplars(batch, { scanner, action: scanAction(metrics) }) : batch,
        ),
        project: gate.watch(
          destinationProjection({
            metrics,
            dir,
            destination: config,
            scanner,
            user,
            externalLabels: built.externalLabels,
            // A value that all series share is in the group's key and needs no label.
            groupingLabels: withoutTexts(built.grouping),
          }),
        ),
        projectionId: projectionId([
          [metrics.session_labels, metrics.exclude_cluster_info, user, built.labelTexts],
          config.write_relabel_configs,
          [metrics.scan, config.scan_pages],
        ]),
        onTooOld: config.on_too_old,
        ...(config.max_age === undefined ? {} : { maxAgeMs: config.max_age }),
        ...(config.samples_per_second === undefined ? {} : { samplesPerSecond: config.samples_per_second }),
      },
    };
  } catch (error) {
    const isSetting = error instanceof IdentityError && error.code === "ERR_IDENTITY_UNSUPPORTED";
    if (isSetting || error instanceof TypeError) throw fail(error.message);
    throw error;
  }
}

/** A digest of all that decides names and labels, so that no configured value stands in the clear. */
function projectionId(decisive: readonly unknown[]): string {
  return `sha256:${createHash("sha256").update(JSON.stringify(decisive)).digest("hex")}`;
}

function namesUserHash(config: DestinationConfig): boolean {
  return variableTexts(config).some(({ text }) => findVariables(text).names.includes("USER_HASH"));
}

function identityKind(metrics: MetricsConfig): IdentityKind | "rotating" {
  return metrics.anonymize_user ? (metrics.identity ?? "installation") : "none";
}

/** Credentials and the way to the server. The credentials themselves are fetched with the first request. */
export async function connect(
  context: Context,
  settings: Settings,
  config: DestinationConfig,
  { secrets }: Pick<TargetPurpose, "secrets">,
): Promise<Pick<HttpOptions, "authorization" | "fetch">> {
  const { io, out, redactor } = context;
  const { name: destination, tls } = config;
  const expand = (text: string) => expandVariables(text, (name) => io.env[name]);
  const resolvePath = (path: string) => resolveFromConfig(path, settings.file, io.home);
  const url = expand(config.url);
  if (authType(config.auth) !== "none" && !config.insecure && wouldExposeCredentials(url)) {
    throw configError(settings, config, EXPOSED_CREDENTIALS);
  }
  for (const value of Object.values(config.headers)) {
    if (findVariables(value).names.length > 0) redactor.add(expand(value));
  }
  const authorization = createAuthorization(config.auth, {
    owner: `destination ${destination}`,
    expand,
    resolvePath,
    cache: secrets,
    redactor,
    env: io.env,
    cwd: io.cwd,
    interactive: io.interactive,
    signal: io.signal,
  });
  const file = (path: string | undefined) => (path === undefined ? undefined : resolvePath(expand(path)));
  const files = tls && { ca: file(tls.ca_file), cert: file(tls.cert_file), key: file(tls.key_file) };
  const client = URL.canParse(url)
    ? await createHttpClient({ url, owner: `destination ${destination}`, tls: files, env: io.env })
    : undefined;
  const told = out.isVerbose ? traceFetch(client ?? fetch, out, io.now) : client;
  return { ...(authorization ? { authorization } : {}), ...(told ? { fetch: told } : {}) };
}

function checkVariablesSet(
  { io }: Context,
  settings: Settings,
  config: DestinationConfig,
  { dryRun }: TargetPurpose,
): void {
  const unset = unsetVariables(config, settings.app, io.env).filter(
    ({ path }) => !dryRun || !["auth", "tls", "headers"].includes(String(path[0])),
  );
  if (unset.length === 0) return;
  const named = unset.map(({ name, path }) => `\${${name}} in ${formatPath(path)}`);
  const names = [...new Set(unset.map(({ name }) => name))];
  throw new CliError(
    EXIT.config,
    `destination ${config.name} needs a variable that is not set: ${named.join(", ")}\n(${settings.file})`,
    { hint: `set ${names.join(" and ")} in the environment and run the command again` },
  );
}

function configError(settings: Settings, config: DestinationConfig, what: string): CliError {
  return new CliError(EXIT.config, `destination ${config.name} can't be used: ${what}`, {
    hint: `correct it in ${settings.file}; \`promferry config check\` shows what it finds`,
  });
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function withoutTexts(templates: Readonly<Record<string, LabelTemplate>>): Record<string, LabelTemplate> {
  return Object.fromEntries(Object.entries(templates).filter(([, value]) => typeof value !== "string"));
}
