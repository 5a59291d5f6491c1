/**
 * What an example application does all day, drawn from a seed: the same seed gives the same requests,
 * jobs and temperatures, on every machine.
 */

export const JOB_TYPES = ["email", "report", "backup"] as const;
export const JOB_STATUSES = ["success", "failed"] as const;

export type JobType = (typeof JOB_TYPES)[number];
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Who is told what happens. */
export interface WorkloadObserver {
  request(durationSeconds: number): void;
  job(type: JobType, status: JobStatus): void;
  connections(open: number): void;
  temperature(celsius: number): void;
}

export interface Workload {
  /** Lives through this much time; whole seconds happen, the rest waits for the next call. */
  advance(ms: number): void;
}

/** @param seed Any number; its lowest 32 bits count. */
export function createWorkload(seed: number, observer: WorkloadObserver): Workload {
  const random = seededRandom(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  let connections = 12;
  let tenthsOfDegree = 215;
  let pendingMs = 0;

  const second = () => {
    for (let left = 1 + upTo(5); left > 0; left--) {
      // Most are quick, few are slow: 3 ms at the least, 1.5 s at the most.
      observer.request(Math.round(3 + 1497 * random() ** 6) / 1000);
    }
    if (random() < 0.6) {
      observer.job(JOB_TYPES[upTo(JOB_TYPES.length)]!, random() < 0.9 ? "success" : "failed");
    }
    // Drawn back to 12, or the seed would decide how busy the example looks.
    connections = Math.max(0, connections + upTo(7) - (connections > 12 ? 4 : 2));
    observer.connections(connections);
    tenthsOfDegree = clamp(tenthsOfDegree + upTo(5) - 2, 180, 260);
    observer.temperature(tenthsOfDegree / 10);
  };

  return {
    advance(ms) {
      for (pendingMs += ms; pendingMs >= 1000; pendingMs -= 1000) second();
    },
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** Mulberry32: integers only, so that every engine draws the same numbers in [0, 1). */
function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
