import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

export interface ListenerOptions {
  readonly config: pg.ClientConfig;
  readonly saw: (rev: number) => void;
  /** Called after each connection: what was announced before is lost. */
  readonly look: () => Promise<number>;
  readonly signal: AbortSignal;
}

const LONGEST_WAIT_MS = 5_000;

/** Listens on a connection of its own, and on a new one whenever it is lost, until `signal`. Never rejects. */
export async function listen({ config, saw, look, signal }: ListenerOptions): Promise<void> {
  for (let waitMs = 100; !signal.aborted; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
    const client = new pg.Client(config);
    const end = (): void => void client.end().catch(() => undefined);
    try {
      const lost = new Promise<void>((resolve) => {
        client.once("end", resolve);
        client.once("error", () => resolve());
      });
      // Several errors may follow the first one.
      client.on("error", () => undefined);
      client.on("notification", ({ payload }) => saw(Number(payload)));
      signal.addEventListener("abort", end);
      await client.connect();
      await client.query("listen promferry_targets");
      saw(await look());
      waitMs = 100;
      await lost;
    } catch {
      // The server is away, and every other call says so.
    } finally {
      signal.removeEventListener("abort", end);
      end();
    }
    await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
