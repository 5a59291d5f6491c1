import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { JOB_STATUSES, JOB_TYPES, type WorkloadObserver } from "./workload.ts";

/** Upper bounds of the request durations' buckets, in seconds. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** One metric of each type in a registry of its own, and the observer that fills them. */
export interface DemoMetrics {
  readonly registry: Registry;
  readonly observer: WorkloadObserver;
}

export function createMetrics(): DemoMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "app_requests_total",
    help: "Total number of requests processed",
    registers,
  });
  const connections = new Gauge({
    name: "app_active_connections",
    help: "Number of currently active connections",
    registers,
  });
  const temperature = new Gauge({
    name: "app_temperature_celsius",
    help: "Current temperature in Celsius",
    registers,
  });
  const durations = new Histogram({
    name: "app_request_duration_seconds",
    help: "Duration of requests in seconds",
    buckets: DURATION_BUCKETS,
    registers,
  });
  const jobs = new Counter({
    name: "app_jobs_processed_total",
    help: "Total number of jobs processed",
    labelNames: ["job_type", "status"] as const,
    registers,
  });
  // A series that begins at 0 shows its first event in `rate` and `increase`.
  for (const job_type of JOB_TYPES) for (const status of JOB_STATUSES) jobs.inc({ job_type, status }, 0);

  return {
    registry,
    observer: {
      request(durationSeconds) {
        requests.inc();
        durations.observe(durationSeconds);
      },
      job: (job_type, status) => jobs.inc({ job_type, status }),
      connections: (open) => connections.set(open),
      temperature: (celsius) => temperature.set(celsius),
    },
  };
}
