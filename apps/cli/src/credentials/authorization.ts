import { authType, secretKey } from "../config/check-auth.ts";
import type { AuthConfig } from "../config/schema.ts";
import { type ReadSecretOptions, readSecret, type SecretSource } from "./read-secret.ts";

export interface AuthorizationOptions extends Omit<ReadSecretOptions, "setting"> {
  /** Whose setting it is, for messages: `destination grafana`. */
  readonly owner: string;
  /** Replaces variables; throws where one is not set. */
  readonly expand: (text: string) => string;
  /** Makes a path of the configuration absolute. */
  readonly resolvePath: (path: string) => string;
  /** Secrets by source, shared by the destinations of one run: a command runs once. */
  readonly cache: Map<string, Promise<string>>;
}

/**
 * Gives the value of the `Authorization` header. Nothing is read or run before the first call, and
 * nothing twice as long as `cache` has it; a failure is remembered, too.
 */
export function createAuthorization(
  auth: AuthConfig | undefined,
  options: AuthorizationOptions,
): (() => Promise<string | undefined>) | undefined {
  const type = authType(auth);
  if (!auth || type === "none") return undefined;
  const { owner, expand, resolvePath, cache, redactor } = options;
  const key = secretKey(auth)!;

  const secret = () => {
    const source = secretSource(auth, { expand, resolvePath });
    const id = JSON.stringify(source);
    let reading = cache.get(id);
    if (!reading) {
      reading = readSecret(source, { ...options, setting: `${key} of ${owner}` });
      cache.set(id, reading);
    }
    return reading;
  };

  return async () => {
    if (type === "bearer") return `Bearer ${await secret()}`;
    const pair = Buffer.from(`${expand(auth.username ?? "")}:${await secret()}`).toString("base64");
    redactor.add(pair);
    return `Basic ${pair}`;
  };
}

function secretSource(
  auth: AuthConfig,
  { expand, resolvePath }: Pick<AuthorizationOptions, "expand" | "resolvePath">,
): SecretSource {
  const value = auth.password ?? auth.token;
  if (value !== undefined) return { value: expand(value) };
  const file = auth.password_file ?? auth.token_file;
  if (file !== undefined) return { file: resolvePath(expand(file)) };
  return { command: (auth.password_cmd ?? auth.token_cmd)! };
}
