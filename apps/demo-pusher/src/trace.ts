import type { WorkloadObserver } from "./workload.ts";

/**
 * Tells `observer` everything, and `write` too, as one JSON array a line: `["request",0.042]`,
 * `["job","email","success"]`, `["connections",12]`, and at the end of each second `["temperature",21.5]`.
 */
export function traced(observer: WorkloadObserver, write: (line: string) => void): WorkloadObserver {
  const trace = (...event: readonly (string | number)[]) => write(`${JSON.stringify(event)}\n`);
  return {
    request(durationSeconds) {
      trace("request", durationSeconds);
      observer.request(durationSeconds);
    },
    job(type, status) {
      trace("job", type, status);
      observer.job(type, status);
    },
    connections(open) {
      trace("connections", open);
      observer.connections(open);
    },
    temperature(celsius) {
      trace("temperature", celsius);
      observer.temperature(celsius);
    },
  };
}
