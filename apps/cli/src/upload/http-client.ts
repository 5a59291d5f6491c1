import { readFile } from "node:fs/promises";
import type { Dispatcher, RequestInit as UndiciInit } from "undici";
import { CliError } from "../cli-error.ts";
import { isLoopbackHost } from "../config/check-url.ts";
import { EXIT } from "../exit-codes.ts";

/** PEM files, absolute. */
export interface TlsFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** PEM texts. */
export interface TlsTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface HttpClientOptions {
  /** The server's URL. */
  readonly url: string;
  /** Whose setting it is, for messages: `destination grafana`. */
  readonly owner: string;
  readonly tls: TlsFiles | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * A `fetch` with the settings' certificates and the environment's proxy (HTTPS_PROXY, HTTP_PROXY,
 * NO_PROXY, in either case; never for a loopback address); `undefined` where the global one will do.
 *
 * @throws {CliError} Exit 78: a certificate's file can't be read.
 */
export async function createHttpClient(options: HttpClientOptions): Promise<typeof fetch | undefined> {
  const { url, tls, env } = options;
  const variable = (name: string) => env[name.toLowerCase()] || env[name] || undefined;
  const isLocal = isLoopbackHost(new URL(url).hostname);
  const proxy = isLocal ? undefined : variable(url.startsWith("https:") ? "HTTPS_PROXY" : "HTTP_PROXY");
  if (!tls && !proxy) return undefined;

  const connect = tls ? await readTls(tls, options.owner) : {};
  const { Agent, EnvHttpProxyAgent, fetch: undiciFetch } = await import("undici");
  const noProxy = variable("NO_PROXY");
  const dispatcher: Dispatcher = proxy
    ? new EnvHttpProxyAgent({
        httpProxy: proxy,
        httpsProxy: proxy,
        ...(noProxy ? { noProxy } : {}),
        requestTls: connect,
        connect,
      })
    : new Agent({ connect });
  const client = (input: string, init: UndiciInit) => undiciFetch(input, { ...init, dispatcher });
  // The library's types and the platform's describe the same thing in different words.
  return client as unknown as typeof fetch;
}

/** @throws {CliError} As {@link createHttpClient}. */
export async function readTls({ ca, cert, key }: TlsFiles, owner: string): Promise<TlsTexts> {
  const read = async (file: string, setting: string) => {
    try {
      return await readFile(file, "utf8");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new CliError(EXIT.config, `tls.${setting} of ${owner}: ${file} can't be read (${code})`, {
        hint: "check that the file is there and that you may read it",
        cause: error,
      });
    }
  };
  return {
    ...(ca ? { ca: await read(ca, "ca_file") } : {}),
    ...(cert ? { cert: await read(cert, "cert_file") } : {}),
    ...(key ? { key: await read(key, "key_file") } : {}),
  };
}
