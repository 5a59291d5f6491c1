import { META, TARGET_LABELS } from "@promferry/target-registry/render";
import type { Evidence } from "./sweep.ts";

/** The Prometheus that scrapes what is registered here. */
export interface ScrapingPrometheus extends Evidence {
  /**
   * Targets that it scrapes by our lists now: `host:port` and instance id.
   *
   * @throws {Error} When it can't be asked.
   */
  activeTargets(): Promise<readonly { readonly target: string; readonly instance: string }[]>;
}

export interface PrometheusOptions {
  /** Base address. */
  readonly url: string;
  readonly fetch?: typeof fetch;
  /** Further headers, such as Authorization or a tenant; asked for before each request. Default: none. */
  readonly headers?: () => Promise<Readonly<Record<string, string>>>;
  /** Milliseconds of one request. Default 5,000. */
  readonly timeoutMs?: number;
  /** Told when there is no evidence because it can't be asked. */
  readonly onError?: (error: unknown) => void;
}

const DOWN = `max by (${TARGET_LABELS.instance}) (up{${TARGET_LABELS.instance}!=""}) == 0`;

export function createScrapingPrometheus(options: PrometheusOptions): ScrapingPrometheus {
  const { url, timeoutMs = 5_000, onError = () => {}, headers = async () => ({}) } = options;
  const request = options.fetch ?? fetch;

  async function ask(path: string): Promise<unknown> {
    const answer = await request(`${url.replace(/\/+$/, "")}${path}`, {
      headers: { accept: "application/json", ...(await headers()) },
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!answer.ok) throw new Error(`Prometheus answered ${answer.status}`);
    return ((await answer.json()) as { readonly data?: unknown }).data;
  }

  return {
    async down() {
      try {
        const data = await ask(`/api/v1/query?query=${encodeURIComponent(DOWN)}`);
        const { result } = data as { result: readonly { metric: Readonly<Record<string, string>> }[] };
        return new Set(result.map(({ metric }) => metric[TARGET_LABELS.instance]!));
      } catch (error) {
        onError(error);
        return new Set<string>();
      }
    },
    async activeTargets() {
      const data = await ask("/api/v1/targets?state=active");
      const { activeTargets } = data as {
        activeTargets: readonly { discoveredLabels: Readonly<Record<string, string>> }[];
      };
      return activeTargets.flatMap(({ discoveredLabels }) => {
        const instance = discoveredLabels[META.instance];
        const target = discoveredLabels["__address__"];
        return instance === undefined || target === undefined ? [] : [{ instance, target }];
      });
    },
  };
}
