import type { HttpSdConfig, ScrapeConfig } from "../config/scrape-schema.ts";

/** How a job, or one of its lists, reaches its servers. */
export interface ScrapeClient {
  /** With the certificates and the proxy of the settings. */
  readonly fetch: typeof fetch;
  /** The `Authorization` header, asked for before each request. */
  readonly authorization?: () => Promise<string | undefined>;
  /** The server refused it: what was read or run is read or run anew. */
  readonly onRefused?: () => void;
}

/** An entry of `scrape_configs` with paths made absolute, and with its ways to the servers. */
export interface ScrapeJob {
  /** `file_sd_configs[].files` are absolute here. */
  readonly config: ScrapeConfig;
  readonly client: ScrapeClient;
  /** One for each of `config.http_sd_configs`, in order. */
  readonly httpSd: readonly { readonly config: HttpSdConfig; readonly client: ScrapeClient }[];
}
