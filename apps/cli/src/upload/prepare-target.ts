import { createHash } from "node:crypto";
import type { HttpOptions } from "@promferry/core/delivery";
import type { SessionInfo } from "@promferry/core/journal";
import { coarsely } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import {
  type CappedLabel,
  createLabelCap,
  createScanner,
  type Identity,
  ownNames,
  resolveIdentity,
  scanExemplars,
  weekOf,
} from "@promferry/privacy";
import type { UploadTarget } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import { cliVersion } from "../cli-version.ts";
import { authType } from "../config/check-auth.ts";
import { EXPOSED_CREDENTIALS, wouldExposeCredentials } from "../config/check-url.ts";
import { unsetVariables, variableTexts } from "../config/check-variables.ts";
import { destinationKind } from "../config/destination-kind.ts";
import { identityKind } from "../config/identity-kind.ts";
import { resolveFromConfig, type Settings } from "../config/load-config.ts";
import { formatPath } from "../config/problem.ts";
import type { DestinationConfig } from "../config/schema.ts";
import { expandVariables, findVariables } from "../config/variables.ts";
import type { Context } from "../context.ts";
import { createAuthorization } from "../credentials/authorization.ts";
import { tellFailure, tellRefusal } from "../credentials/forget-refused.ts";
import { EXIT } from "../exit-codes.ts";
import { cappedInWords } from "./capped-in-words.ts";
import { coarselyInWords, coarsenessOf } from "./coarseness.ts";
import { createDestination } from "./create-destination.ts";
import { findCatalogue } from "./find-catalogue.ts";
import { createHttpClient } from "./http-client.ts";
import { loadNativeSnappy } from "./native-snappy.ts";
import { createPrivacyGate } from "./privacy-gate.ts";
import { destinationProjection, scanAction } from "./projection.ts";
import { samplingOf } from "./sampling.ts";
import { type LabelTemplate, labelTemplate } from "./session-variables.ts";
import { traceFetch } from "./trace-fetch.ts";

export interface TargetPurpose {
  /** Nothing is read, run or made that only a real upload needs: secrets, certificates, the identity's key. */
  readonly dryRun: boolean;
  /** Secrets by source, shared by the targets of one run. */
  readonly secrets: Map<string, Promise<string>>;
  /** The receiver refused the credential, or there is none. Default: what `secrets` has is good for all of the run. */
  readonly onRefused?: () => void;
  /** Whether a missing identity's key is made. Default: unless it is a dry run. */
  readonly createsKey?: boolean;
  /** A destination has shown that it takes no native histograms. Default: nobody hears. */
  readonly onNativeRefused?: (destination: string) => void;
}

/** A destination ready for the uploader, with what the user should know about it. */
export interface PreparedTarget {
  readonly target: UploadTarget;
  /** Whether its series carry something that tells this installation from others. */
  readonly isDistinct: boolean;
  readonly notes: () => readonly string[];
  /** The `user` label, of `rotating` this week's; absent with identity none, and where the key is missing and was not to be made. */
  readonly user: string | undefined;
  /** Labels of which values became `other`. */
  readonly capped: () => readonly CappedLabel[];
  /** What of the data stopped the upload; undefined where nothing did. */
  readonly blockedBy: () => string | undefined;
  /** The grouping labels at a Pushgateway of what a session wrote at an instant. */
  readonly groupLabels: (session: SessionInfo, atMs: EpochMs) => Readonly<Record<string, string>>;
  /** Whether its identity is another one each week. */
  readonly rotates: boolean;
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
  const cap = createLabelCap({
    max: metrics.max_label_values,
    catalogueOf: ({ catalog }) => (catalog === undefined ? undefined : findCatalogue(dir, catalog)),
  });
  const coarseness = coarsenessOf(metrics);
  const onNativeRefused = () => purpose.onNativeRefused?.(config.name);
  const snappy = destinationKind(config.type) === "remote-write" ? await loadNativeSnappy() : undefined;

  const build = ({ user, userIn }: Partial<Identity>) => {
    const fixed = (name: string) => (name === "USER_HASH" ? (user ?? "") : (env[name] ?? ""));
    const expand = (text: string) => expandVariables(text, fixed);
    const template = (text: string) => labelTemplate(text, { app, fixed, userIn });
    const grouping: Record<string, LabelTemplate> = mapValues(config.grouping_keys ?? {}, template);
    if (!config.grouping_keys && user !== undefined)
      grouping["user"] = userIn ? (_session, weekMs) => userIn(weekMs) : user;
    const headers = mapValues(config.headers, expand);
    const http: HttpOptions = {
      timeoutMs: config.timeout,
      userAgent: `promferry/${cliVersion()}`,
      headers,
      ...connection,
    };
    return {
      destination: createDestination({ config, expand, http, app, grouping, snappy, onNativeRefused }),
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
    const destination = build({}).destination.identity;
    const create = purpose.createsKey ?? !purpose.dryRun;
    const identity = await resolveIdentity({ kind, destination, dir, create });
    const sampling = await samplingOf(settings, create);
    const { user, userIn, warning, provisional } = identity;
    if (user === undefined && namesUserHash(config))
      throw fail("${USER_HASH} has no value with identity none");
    if (userIn && namesUserHash(config, LABEL_KEYS)) throw fail(NEEDS_LABEL);
    const built = build(identity);
    const named = { ...config.external_labels, ...config.grouping_keys };
    const project = Object.assign(
      gate.watch(
        destinationProjection({
          metrics,
          dir,
          destination: config,
          scanner,
          cap: cap.filter,
          user: userIn ?? user,
          externalLabels: built.externalLabels,
          // A value that all series share is in the group's key and needs no label.
          groupingLabels: withoutTexts(built.grouping),
        }),
      ),
      {
        memory: cap.memory,
        ...(sampling.rate < 1 && { isCutBetween: sampling.isCutBetween }),
        ...(userIn !== undefined && { periodOf: weekOf }),
      },
    );
    return {
      isDistinct: user !== undefined || metrics.exclusive || "user" in named || "instance" in named,
      notes: () => [
        ...(warning ? [warning] : []),
        // A real upload says what it did, not what it is set to do.
        ...(coarseness && purpose.dryRun ? coarselyInWords(coarseness) : []),
        ...cap.capped().map((each) => `of ${each.metric}, ${cappedInWords(each, metrics)}`),
      ],
      user: provisional ? undefined : userIn ? userIn(weekOf(context.io.now())) : user,
      rotates: userIn !== undefined,
      capped: cap.capped,
      blockedBy: gate.blockedBy,
      groupLabels: (session, atMs) =>
        mapValues(built.grouping, (value) =>
          typeof value === "string" ? value : value(session, weekOf(atMs)),
        ),
      target: {
        destination: gate.guard(built.destination, (batch) =>
          config.scan_pages ? scanExemplars(batch, { scanner, action: scanAction(metrics) }) : batch,
        ),
        project: coarseness ? coarsely(project, coarseness) : project,
        projectionId: projectionId([
          [metrics.session_labels, metrics.exclude_cluster_info, user, built.labelTexts],
          config.write_relabel_configs,
          [metrics.scan, config.scan_pages],
          metrics.max_label_values,
          // A session that runs may have sums under way that stay here from now on.
          ...(coarseness?.roundCounts === undefined ? [] : ["counts only"]),
        ]),
        onTooOld: config.on_too_old,
        ...(config.max_age === undefined ? {} : { maxAgeMs: config.max_age }),
        ...(config.samples_per_second === undefined ? {} : { samplesPerSecond: config.samples_per_second }),
      },
    };
  } catch (error) {
    if (error instanceof TypeError) throw fail(error.message);
    throw error;
  }
}

/** A digest of all that decides names and labels, so that no configured value stands in the clear. */
function projectionId(decisive: readonly unknown[]): string {
  return `sha256:${createHash("sha256").update(JSON.stringify(decisive)).digest("hex")}`;
}

/** @param except Keys of the destination that don't count. */
function namesUserHash(config: DestinationConfig, except: readonly string[] = []): boolean {
  return variableTexts(config).some(
    ({ path, text }) => !except.includes(String(path[0])) && findVariables(text).names.includes("USER_HASH"),
  );
}

const LABEL_KEYS = ["external_labels", "grouping_keys"];
const NEEDS_LABEL =
  "${USER_HASH} is another one each week with identity rotating, and can only stand in external_labels and grouping_keys";

/** Credentials and the way to the server. The credentials themselves are fetched with the first request. */
export async function connect(
  context: Context,
  settings: Settings,
  config: DestinationConfig,
  { secrets, onRefused }: Pick<TargetPurpose, "secrets" | "onRefused">,
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
  if (authorization && onRefused) {
    return {
      authorization: tellFailure(authorization, onRefused),
      fetch: tellRefusal(told ?? fetch, onRefused),
    };
  }
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
