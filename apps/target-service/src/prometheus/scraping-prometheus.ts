import { META, TARGET_LABELS } from "@promferry/target-registry/render";
import type { Evidence } from "../lease/sweep.ts";
import type { PrometheusClient } from "./prometheus-client.ts";

/** The Prometheus that scrapes what is registered here. */
export interface ScrapingPrometheus extends Evidence {
  /**
   * Targets that it scrapes by our lists now: `host:port` and instance id.
   *
   * @throws {ProblemError} When it can't be asked.
   */
  activeTargets(): Promise<readonly { readonly target: string; readonly instance: string }[]>;
}

export interface ScrapingOptions {
  /** Told when there is no evidence because it can't be asked. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
}

const DOWN = `max by (${TARGET_LABELS.instance}) (up{${TARGET_LABELS.instance}!=""}) == 0`;
const TIMEOUT_MS = 5_000;

export function createScrapingPrometheus(
  client: PrometheusClient,
  { onError = () => {}, now = Date.now }: ScrapingOptions = {},
): ScrapingPrometheus {
  return {
    async down() {
      try {
        const { series } = await client.query(DOWN, now(), { timeoutMs: TIMEOUT_MS });
        return new Set(series.map(({ labels }) => labels[TARGET_LABELS.instance]!));
      } catch (error) {
        onError(error);
        return new Set<string>();
      }
    },
    async activeTargets() {
      const targets = await client.activeTargets({ timeoutMs: TIMEOUT_MS });
      return targets.flatMap(({ [META.instance]: instance, __address__: target }) =>
        instance === undefined || target === undefined ? [] : [{ instance, target }],
      );
    },
  };
}
