import { CliError } from "../cli-error.ts";
import { resolveFromConfig, type Settings } from "../config/load-config.ts";
import type { AuthConfig } from "../config/schema.ts";
import type { ClientConfig } from "../config/scrape-schema.ts";
import { expandVariables, findVariables } from "../config/variables.ts";
import type { Context } from "../context.ts";
import { createAuthorization } from "../credentials/authorization.ts";
import { createForgetting, tellFailure } from "../credentials/forget-refused.ts";
import { EXIT } from "../exit-codes.ts";
import { readTls } from "../upload/http-client.ts";
import { traceFetch } from "../upload/trace-fetch.ts";
import { createScrapeFetch } from "./scrape-fetch.ts";
import type { ScrapeClient, ScrapeJob } from "./scrape-job.ts";

/**
 * The jobs of the configuration, ready for a scrape manager. Certificates are read now, secrets with the
 * first request of each job, and again, at most once a minute, after one that the server refused. No proxy is
 * used, as in Prometheus.
 *
 * @throws {CliError} Exit 78: a variable is not set, or a certificate can't be read.
 */
export async function prepareScrapeJobs(context: Context, settings: Settings): Promise<readonly ScrapeJob[]> {
  const resolvePath = (path: string) => resolveFromConfig(path, settings.file, context.io.home);
  const jobs: ScrapeJob[] = [];
  for (const config of settings.scrape_configs) {
    const owner = `scrape job ${config.job_name}`;
    const client = await createClient(context, settings, config, owner);
    const httpSd: ScrapeJob["httpSd"][number][] = [];
    for (const list of config.http_sd_configs) {
      const url = expandWith(context, settings, owner)(list.url);
      const listClient = await createClient(context, settings, list, `a list of ${owner}`);
      httpSd.push({ config: { ...list, url }, client: listClient });
    }
    const fileSd = config.file_sd_configs.map((list) => ({ ...list, files: list.files.map(resolvePath) }));
    jobs.push({ config: { ...config, file_sd_configs: fileSd }, client, httpSd });
  }
  return jobs;
}

async function createClient(
  context: Context,
  settings: Settings,
  config: ClientConfig,
  owner: string,
): Promise<ScrapeClient> {
  const { io, redactor, out } = context;
  const expand = expandWith(context, settings, owner);
  const resolvePath = (path: string) => resolveFromConfig(path, settings.file, io.home);
  const file = (path: string | undefined) => (path === undefined ? undefined : resolvePath(expand(path)));
  const { tls_config: tls } = config;
  const files = tls && { ca: file(tls.ca_file), cert: file(tls.cert_file), key: file(tls.key_file) };
  const plain = createScrapeFetch(files && (await readTls(files, owner)));
  const client = out.isVerbose ? traceFetch(plain, out, io.now) : plain;
  const auth = authOf(config);
  const cache = new Map<string, Promise<string>>();
  const read = createAuthorization(auth, {
    ...{ owner, expand, resolvePath, cache, redactor },
    ...{ env: io.env, cwd: io.cwd, interactive: io.interactive, signal: io.signal },
  });
  if (!read) return { fetch: client };
  const onRefused = createForgetting(cache, io.now);
  return { fetch: client, authorization: tellFailure(read, onRefused), onRefused };
}

/** The credentials in the words that destinations have for them. */
function authOf({ basic_auth, authorization, bearer_token_file }: ClientConfig): AuthConfig | undefined {
  if (basic_auth) return { type: "basic", ...basic_auth };
  if (bearer_token_file !== undefined) return { type: "bearer", token_file: bearer_token_file };
  if (!authorization) return undefined;
  const { credentials, credentials_file, credentials_cmd } = authorization;
  return {
    type: "bearer",
    ...(credentials === undefined ? {} : { token: credentials }),
    ...(credentials_file === undefined ? {} : { token_file: credentials_file }),
    ...(credentials_cmd === undefined ? {} : { token_cmd: credentials_cmd }),
  };
}

function expandWith({ io }: Context, { file }: Settings, owner: string): (text: string) => string {
  return (text) => {
    const unset = findVariables(text).names.find((name) => io.env[name] === undefined);
    if (unset === undefined) return expandVariables(text, (name) => io.env[name]);
    throw new CliError(EXIT.config, `${owner} needs a variable that is not set: \${${unset}}\n(${file})`, {
      hint: `set ${unset} in the environment and run the command again`,
    });
  };
}
