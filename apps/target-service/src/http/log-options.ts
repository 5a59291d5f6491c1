import type { FastifyRequest } from "fastify";

export interface LogOptions {
  /** Default `info`. */
  readonly level?: string;
  /** Default: standard output. */
  readonly stream?: { write(line: string): void };
}

/**
 * The logger: JSON lines. No header and no body is ever logged, of an address only its path; what might still carry a
 * credential by its name is replaced.
 */
export function logOptions({ level = "info", stream }: LogOptions): object {
  const names = [
    "authorization",
    "token",
    "secret",
    "key",
    "password",
    "cookie",
    "user_data",
    "body",
    "headers",
  ];
  return {
    level,
    ...(stream && { stream }),
    redact: {
      paths: names.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: "[not shown]",
    },
    serializers: {
      req: ({ method, url, ip }: FastifyRequest) => ({ method, path: url.split("?", 1)[0], ip }),
      res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
    },
  };
}
