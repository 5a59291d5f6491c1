import { createHash, randomBytes, randomUUID } from "node:crypto";
import { sleepFor } from "@promferry/core/delivery";
import { createServiceClient, jsonOf, type ServiceClient, ServiceError } from "./service-client.ts";

export interface SimulatedInstanceOptions {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** With the platform's token: mints the join token. */
  readonly platform: ServiceClient;
  readonly project: string;
  readonly service: string;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
  /** Told of each heartbeat's outcome: `ok`, or the problem's code. */
  readonly onHeartbeat: (outcome: string) => void;
}

/** One machine that never was: joins with a key of its own, heartbeats, reboots, falls silent. */
export interface SimulatedInstance {
  readonly id: string;
  /** Milliseconds that it took, retries among them. @throws {ServiceError} When it is refused. */
  join(): Promise<number>;
  /** Heartbeats every `everyMs`, or as the service says, until the signal; silent while `isSilent`. */
  live(everyMs: number | undefined): Promise<void>;
  reboot(): void;
  /** Nothing is sent while it is silent: dead, or without network. */
  setSilent(silent: boolean): void;
  /** Says goodbye with its own key. */
  leave(): Promise<void>;
}

const TRIES = 20;

export function createSimulatedInstance(options: SimulatedInstanceOptions): SimulatedInstance {
  const { id, address, port, platform, project, service, signal, onHeartbeat } = options;
  const key = randomBytes(32).toString("base64url");
  const own = createServiceClient({ url: platform.url, token: key, fetch: options.fetch, signal });
  const anyone = createServiceClient({ url: platform.url, token: undefined, fetch: options.fetch, signal });
  const path = `/v1/instances/${encodeURIComponent(id)}`;
  let bootId: string = randomUUID();
  let silent = false;
  let paceMs = 60_000;

  /** As the agent does: full jitter, never shorter than Retry-After. */
  async function untilTaken<T>(attempt: () => Promise<T>): Promise<T> {
    for (let n = 1; ; n++) {
      try {
        return await attempt();
      } catch (error) {
        const worthIt = error instanceof ServiceError && (error.status ?? 503) >= 429;
        if (!worthIt || n === TRIES) throw error;
        const backoffMs = Math.min(60_000, 500 * 2 ** n) * Math.random();
        await sleepFor(Math.max(backoffMs, error.retryAfterMs ?? 0), signal);
      }
    }
  }

  return {
    id,
    async join() {
      const start = performance.now();
      const { token } = await untilTaken(async () =>
        jsonOf<{ token: string }>(
          await platform.request("POST", "/v1/join-tokens", {
            body: { project, service, instance_id: id, ranges: [`${address}/32`], endpoints: ["node"] },
          }),
        ),
      );
      const body = {
        token,
        instance_id: id,
        boot_id: bootId,
        key: createHash("sha256").update(key).digest("hex"),
        endpoints: [{ name: "node", address, port }],
      };
      const answer = await untilTaken(() => anyone.request("POST", "/v1/join", { body }));
      paceMs = jsonOf<{ heartbeat_after: number }>(answer).heartbeat_after * 1_000;
      return performance.now() - start;
    },

    async live(everyMs) {
      while (!signal.aborted) {
        await sleepFor((everyMs ?? paceMs) * (0.9 + Math.random() / 5), signal).catch(() => {});
        if (signal.aborted || silent) continue;
        try {
          const { headers } = await own.request("POST", `${path}/heartbeat`, { body: { boot_id: bootId } });
          const after = Number(headers.get("heartbeat-after"));
          if (after > 0) paceMs = after * 1_000;
          onHeartbeat("ok");
        } catch (error) {
          if (signal.aborted) return;
          onHeartbeat(error instanceof ServiceError ? (error.code ?? "unreachable") : "failed");
        }
      }
    },

    reboot() {
      bootId = randomUUID();
    },

    setSilent(is) {
      silent = is;
    },

    async leave() {
      // The run's own signal has ended the heartbeats.
      const last = createServiceClient({
        url: platform.url,
        token: key,
        fetch: options.fetch,
        signal: AbortSignal.timeout(10_000),
      });
      await last.request("DELETE", `${path}?reason=poweroff`);
    },
  };
}
