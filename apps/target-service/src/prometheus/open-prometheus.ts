import { readFile } from "node:fs/promises";
import { type Settings, SettingsError } from "../config/settings.ts";
import { authorizationFrom, type PrometheusCredentials } from "./prometheus-authorization.ts";
import { createPrometheusClient, type PrometheusClient } from "./prometheus-client.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The one client of the configured Prometheus: for evidence, for comparing lists, and for metrics. Undefined where none is
 * configured.
 *
 * Besides the settings: PROMETHEUS_USERNAME with PROMETHEUS_PASSWORD_FILE, PROMETHEUS_TENANT (sent as `X-Scope-OrgID`), and
 * PROMETHEUS_CA_FILE.
 *
 * @throws {SettingsError} Where one of name and password is missing, or the CA can't be read.
 */
export async function openPrometheus(
  place: Settings["prometheus"],
  env: Environment,
): Promise<PrometheusClient | undefined> {
  if (place === undefined) return undefined;
  const credentials = credentialsOf(place.tokenFile, env);
  const caFile = env["PROMETHEUS_CA_FILE"];
  const tenant = env["PROMETHEUS_TENANT"];
  return createPrometheusClient({
    url: place.url,
    ...(credentials && { authorization: authorizationFrom(credentials) }),
    ...(tenant && { headers: { "x-scope-orgid": tenant } }),
    ...(caFile && { ca: await readCa(caFile) }),
  });
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new SettingsError(`PROMETHEUS_CA_FILE: ${(error as Error).message}`, { cause: error });
  }
}

function credentialsOf(tokenFile: string | undefined, env: Environment): PrometheusCredentials | undefined {
  const { PROMETHEUS_USERNAME: username, PROMETHEUS_PASSWORD_FILE: passwordFile } = env;
  if (tokenFile !== undefined) return { type: "bearer", tokenFile };
  if (username && passwordFile) return { type: "basic", username, passwordFile };
  if (!username && !passwordFile) return undefined;
  throw new SettingsError("PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD_FILE: expected both, or neither");
}
