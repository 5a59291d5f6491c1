/** What somebody has to hear of: dead targets, lost instances, and discovery that has stopped telling the truth. */
import { IDENTITY_METRIC, TARGET_LABELS } from "./discovery-labels.ts";
import { quote } from "./recording-rules.ts";
import { SERVICE_METRICS } from "./service-metrics.ts";

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface AlertOptions {
  /** `job` by endpoint name, `node` among them. */
  readonly jobs: Readonly<Record<string, string>>;
  /** The list that this Prometheus reads is whole: no shard, no project. Only then can the counts be compared. */
  readonly wholeLists: boolean;
}

export function alertRules({ jobs, wholeLists }: AlertOptions): readonly AlertRule[] {
  const names = Object.values(jobs).map(escapeRegex).join("|");
  const scraped = `job=~${quote(names)}`;
  const configs = `name="scrape", config=~${quote(names)}`;
  const identity = `${IDENTITY_METRIC}{job=${quote(jobs["node"] ?? "")}}`;
  const counted = Object.entries(jobs).map(
    ([endpoint, job]) =>
      `abs(prometheus_sd_discovered_targets{name="scrape", config=${quote(job)}} - on () group_left () max(${SERVICE_METRICS.served}{endpoint=${quote(endpoint)}})) > 0`,
  );
  return [
    {
      alert: "FerryTargetDown",
      expr: `up{${scraped}} == 0`,
      for: "5m",
      labels: { severity: "warning" },
      annotations: {
        summary:
          "{{ $labels.job }} of instance {{ $labels.instance_id }} does not answer at {{ $labels.instance }}",
        description:
          "It is still registered. If the instance was deleted, tell the registry: DELETE /v1/instances/{{ $labels.instance_id }}.",
      },
    },
    {
      alert: "FerryInstanceLost",
      expr: `${SERVICE_METRICS.instances}{state="lost"} > 0`,
      for: "1m",
      labels: { severity: "warning" },
      annotations: {
        summary: "{{ $value }} instances no longer send heartbeats",
        description: "They are served until their hold is over; GET /v1/instances?state=lost names them.",
      },
    },
    {
      alert: "FerryDiscoveryStale",
      expr: [
        `time() - prometheus_sd_last_update_timestamp_seconds{${configs}} > 600`,
        `${SERVICE_METRICS.listAge} > 120`,
        `${SERVICE_METRICS.authoritative} == 0`,
        ...(wholeLists ? counted : []),
      ].join("\nor\n"),
      for: "10m",
      labels: { severity: "warning" },
      annotations: {
        summary: "Prometheus scrapes an old list of targets",
        description:
          "It was not updated, the service does not vouch for it, or it has not as many targets as the service serves.",
      },
    },
    {
      alert: "FerryDiscoveryErrors",
      expr: [
        "increase(prometheus_sd_http_failures_total[15m]) > 0",
        "increase(prometheus_sd_file_read_errors_total[15m]) > 0",
        `prometheus_sd_failed_configs{name="scrape"} > 0`,
      ].join("\nor\n"),
      for: "10m",
      labels: { severity: "warning" },
      annotations: {
        summary: "Prometheus can't read its list of targets",
        description: "It goes on with the last list, and has none after a restart. Its log names the reason.",
      },
    },
    {
      alert: "FerryIdentityMismatch",
      expr: `${identity} unless on (job, instance, ${TARGET_LABELS.instance}) label_replace(${identity}, "${TARGET_LABELS.instance}", "$1", "exported_${TARGET_LABELS.instance}", "(.+)")`,
      for: "2m",
      labels: { severity: "critical" },
      annotations: {
        summary: "{{ $labels.instance }} is not instance {{ $labels.instance_id }}",
        description:
          "The machine there says that it is {{ $labels.exported_instance_id }}: its address was given to another one, and the samples are under the wrong labels.",
      },
    },
  ];
}

function escapeRegex(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
