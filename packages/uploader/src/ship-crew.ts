import { failureOf } from "./failure.ts";
import { UploadBusyError } from "./lock.ts";
import { createDestinationShipper, type DestinationShipper } from "./ship-destination.ts";
import type { ShipSession } from "./ship-session.ts";
import type { UploadTarget } from "./upload-options.ts";

/** The destinations that are being served, each by itself, until they are asked to end. */
export interface ShipCrew {
  readonly shippers: readonly DestinationShipper[];
  /** Resolves when all have ended; rejects when this process may no longer upload. */
  readonly ended: Promise<unknown>;
  /**
   * Ends: `drained` once all that is on the disk was sent, `soon` after the parts that are under way. What fails ends
   * at once.
   */
  end(when: "drained" | "soon"): void;
  /** Ends what is under way. */
  abort(): void;
  /** Ends the parts that are under way, and keeps new ones from beginning until the work is done. */
  alone(work: () => Promise<void>): Promise<void>;
}

export interface ShipCrewOptions {
  readonly session: ShipSession;
  readonly targets: readonly UploadTarget[];
  readonly lingerMs: number;
  /** Resolves when something was written, or after some time. */
  readonly news: () => Promise<void>;
  /** Called after each part. */
  readonly tidy: (shippers: readonly DestinationShipper[]) => Promise<void>;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** One destination's run. */
interface Run {
  readonly shipper: DestinationShipper;
  /** Ends it. */
  readonly life: AbortController;
  /** Ends the part that is under way. */
  part: AbortController | undefined;
}

export function startShipCrew(options: ShipCrewOptions): ShipCrew {
  const { session, targets, lingerMs, news, tidy } = options;
  const { queue, patientMs, random, sleep, tell } = session;
  let ending: "drained" | "soon" | undefined;
  let gate: Promise<void> = Promise.resolve();
  const underWay = new Set<Promise<unknown>>();
  const crewSession: ShipSession = {
    ...session,
    tell(event) {
      tell(event);
      // Nobody waits at the end for a receiver that is away.
      if (event.kind === "failing" && ending !== undefined) {
        for (const run of runs) if (run.shipper.name === event.destination) stop(run);
      }
    },
  };
  const runs = targets.map((target): Run => {
    const shipper = createDestinationShipper(crewSession, target);
    return { shipper, life: new AbortController(), part: undefined };
  });
  const shippers = runs.map(({ shipper }) => shipper);

  function stop({ life, part }: Run): void {
    life.abort();
    part?.abort();
  }

  async function nextPart(run: Run): Promise<boolean> {
    await queue.refresh(ending === undefined ? lingerMs : 0);
    await gate;
    const part = new AbortController();
    run.part = part;
    if (run.life.signal.aborted) part.abort();
    const work = run.shipper.next(part.signal);
    underWay.add(work);
    try {
      return await work;
    } catch (error) {
      // Its caller looks again at what it is to do.
      if (part.signal.aborted && !(error instanceof UploadBusyError)) return true;
      throw error;
    } finally {
      underWay.delete(work);
      run.part = undefined;
    }
  }

  async function serve(run: Run): Promise<void> {
    const { shipper, life } = run;
    const pause = (ms: number) => sleep(ms, life.signal).catch(() => {});
    let failures = 0;
    while (ending !== "soon" && !life.signal.aborted) {
      const heard = news();
      try {
        const isMore = await nextPart(run);
        failures = 0;
        await tidy(shippers);
        if (isMore) continue;
        if (ending !== undefined) return;
        await heard;
        if (ending === undefined) await pause(lingerMs);
      } catch (error) {
        if (error instanceof UploadBusyError) throw error;
        if (ending !== undefined) return;
        failures++;
        const { kind, message } = failureOf(error, undefined);
        if (shipper.status().failure === undefined) tell({ kind: "local", message });
        const growingMs =
          Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)) * (0.9 + random() / 10);
        await pause(kind === "configuration" || kind === "credentials" ? patientMs : growingMs);
      }
    }
  }

  const ended = Promise.all(runs.map(serve));
  ended.catch(() => {});
  return {
    shippers,
    ended,
    end(when) {
      ending = when;
      for (const run of runs) if (run.shipper.status().failure !== undefined) stop(run);
    },
    abort() {
      for (const run of runs) stop(run);
    },
    async alone(work) {
      let release = () => {};
      gate = new Promise((resolve) => {
        release = resolve;
      });
      for (const { part } of runs) part?.abort();
      await Promise.allSettled([...underWay]);
      try {
        await work();
      } finally {
        release();
      }
    },
  };
}
