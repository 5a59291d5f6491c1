import { readFile } from "node:fs/promises";

/** Where our credentials for Prometheus are. */
export type PrometheusCredentials =
  | { readonly type: "bearer"; readonly tokenFile: string }
  | { readonly type: "basic"; readonly username: string; readonly passwordFile: string };

/** The Authorization header for them. Files are read each time, so that a secret can be changed without a restart. */
export function authorizationFrom(credentials: PrometheusCredentials): () => Promise<string> {
  return async () => {
    if (credentials.type === "bearer") return `Bearer ${await readSecret(credentials.tokenFile)}`;
    const pair = `${credentials.username}:${await readSecret(credentials.passwordFile)}`;
    return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
  };
}

async function readSecret(file: string): Promise<string> {
  return (await readFile(file, "utf8")).trim();
}
