import { sleepFor } from "@promferry/core/delivery";
import type { ServiceClient } from "./service-client.ts";
import { createSimulatedInstance, type SimulatedInstance } from "./simulated-instance.ts";

export interface FleetOptions {
  readonly platform: ServiceClient;
  readonly fetch: typeof fetch;
  /** 1 to 60,000. */
  readonly instances: number;
  readonly project: string;
  readonly service: string;
  /** First two parts of the addresses, inside 127/8. */
  readonly network: string;
  readonly port: number;
  readonly durationMs: number;
  /** Default: as the service says. */
  readonly heartbeatMs?: number;
  /** How many reboot at half the time. */
  readonly reboot: number;
  /** How many die after a third of the time. */
  readonly die: number;
  /** How many have no network in the second third of the time. */
  readonly cutOff: number;
  /** Whether those that live say no goodbye at the end. */
  readonly stay: boolean;
  readonly signal: AbortSignal;
  readonly onStage: (words: string) => void;
}

export interface FleetReport {
  readonly joined: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Milliseconds, of those that joined. */
  readonly join_ms: { readonly p50: number; readonly p99: number; readonly max: number };
  /** By outcome. */
  readonly heartbeats: Readonly<Record<string, number>>;
  readonly rebooted: number;
  readonly died: number;
  readonly cut_off: number;
  readonly left: number;
}

/** Joins under way at once. */
const AT_ONCE = 64;

/** The address of the n-th instance, from 0: `<network>.0.1` on, without `.0` and `.255` at the end. */
export function addressOf(network: string, n: number): string {
  return `${network}.${Math.floor(n / 254)}.${(n % 254) + 1}`;
}

export function instanceId(service: string, n: number): string {
  return `sim-${service}-${n + 1}`;
}

/** Plays a fleet: what happens to whom depends on the numbers alone, so that two runs tell the same story. */
export async function simulateFleet(options: FleetOptions): Promise<FleetReport> {
  const { platform, instances: size, project, service, network, port, durationMs, signal, onStage } = options;
  const ending = new AbortController();
  const running = AbortSignal.any([signal, ending.signal]);
  const heartbeats: Record<string, number> = {};
  const refused: Record<string, number> = {};
  const fleet = Array.from({ length: size }, (_, n) =>
    createSimulatedInstance({
      id: instanceId(service, n),
      address: addressOf(network, n),
      ...{ port, platform, project, service },
      fetch: options.fetch,
      signal: running,
      onHeartbeat(outcome) {
        heartbeats[outcome] = (heartbeats[outcome] ?? 0) + 1;
      },
    }),
  );

  onStage(`${size} instances join`);
  const times: number[] = [];
  const joined: SimulatedInstance[] = [];
  const waiting = fleet.values();
  const joinNext = async (): Promise<void> => {
    for (const instance of waiting) {
      if (signal.aborted) return;
      try {
        times.push(await instance.join());
        joined.push(instance);
      } catch (error) {
        if (signal.aborted) return;
        const code = (error as { code?: string }).code ?? "unreachable";
        refused[code] = (refused[code] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, size) }, joinNext));
  // As they were numbered, not as they came in.
  joined.sort((a, b) => fleet.indexOf(a) - fleet.indexOf(b));

  const dying = joined.slice(0, options.die);
  const cut = joined.slice(dying.length, dying.length + options.cutOff);
  const rebooting = joined.slice(dying.length + cut.length, dying.length + cut.length + options.reboot);
  const lives = Promise.all(joined.map((instance) => instance.live(options.heartbeatMs)));
  const stage = async (share: number, words: string, what: () => void): Promise<void> => {
    await sleepFor(durationMs * share, signal);
    if (words !== "") onStage(words);
    what();
  };
  let left = 0;
  try {
    await stage(1 / 3, `${dying.length} die, ${cut.length} lose their network`, () => {
      for (const instance of [...dying, ...cut]) instance.setSilent(true);
    });
    await stage(1 / 6, `${rebooting.length} reboot`, () => {
      for (const instance of rebooting) instance.reboot();
    });
    await stage(1 / 6, `${cut.length} are back`, () => {
      for (const instance of cut) instance.setSilent(false);
    });
    await stage(1 / 3, "", () => {});
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    ending.abort();
    await lives;
  }
  if (!options.stay) {
    const alive = joined.filter((instance) => !dying.includes(instance)).values();
    const leaveNext = async (): Promise<void> => {
      for (const instance of alive) {
        const gone = await instance.leave().then(
          () => true,
          () => false,
        );
        if (gone) left += 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, leaveNext));
    onStage(`${left} say goodbye`);
  }
  times.sort((a, b) => a - b);
  const quantile = (q: number): number => Math.round(times[Math.ceil(q * times.length) - 1] ?? 0);
  return {
    joined: joined.length,
    refused,
    join_ms: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
    heartbeats,
    rebooted: rebooting.length,
    died: dying.length,
    cut_off: cut.length,
    left,
  };
}
