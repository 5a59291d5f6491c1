/** What the platform shows per instance and per service, as recording rules. */

export interface Rule {
  readonly record: string;
  readonly expr: string;
}

export interface RecordingOptions {
  /** First part of the recorded names, `[a-z][a-z0-9_]*`. */
  readonly prefix: string;
  /** `job` of the node exporters. */
  readonly job: string;
  /** How often they are scraped, in milliseconds. */
  readonly intervalMs: number;
}

/** Devices that carry the traffic of others, or none. A dot is a VLAN on its parent. */
export const VIRTUAL_DEVICES =
  "lo|veth.*|docker.*|br-.*|virbr.*|cni.*|flannel.*|cali.*|vxlan.*|tap.*|tun.*|ifb.*|dummy.*|bond.*|.+\\..+";

/** Labels of a service, and of an instance. */
const BY_SERVICE = "by (project_id, service_id)";
const BY_INSTANCE = "by (project_id, service_id, instance_id)";

/** Window of rates in seconds: four scrapes, and at least a minute. */
export function rateWindowSeconds(intervalMs: number): number {
  return Math.max(60, Math.ceil((4 * intervalMs) / 1_000));
}

/** Per instance: with all labels of the target. I/O wait is idle time; the clamp takes what rounding leaves. */
export function instanceRules({ prefix, job, intervalMs }: RecordingOptions): readonly Rule[] {
  const window = `[${rateWindowSeconds(intervalMs)}s]`;
  const of = (...matchers: string[]): string => `{${[`job=${quote(job)}`, ...matchers].join(", ")}}`;
  const physical = of(`device!~${quote(VIRTUAL_DEVICES)}`);
  const traffic = (direction: string): string =>
    `sum without (device) (rate(node_network_${direction}_bytes_total${physical}${window}))`;
  const idle = of('mode=~"idle|iowait"');
  return [
    {
      record: `${prefix}:instance_cpu_busy:ratio_rate`,
      expr: `clamp(1 - sum without (mode) (avg without (cpu) (rate(node_cpu_seconds_total${idle}${window}))), 0, 1)`,
    },
    {
      record: `${prefix}:instance_cpu_cores:count`,
      expr: `count without (cpu, mode) (node_cpu_seconds_total${of('mode="idle"')})`,
    },
    {
      record: `${prefix}:instance_memory_used:bytes`,
      expr: `node_memory_MemTotal_bytes${of()} - node_memory_MemAvailable_bytes${of()}`,
    },
    { record: `${prefix}:instance_network_receive_bytes:rate`, expr: traffic("receive") },
    { record: `${prefix}:instance_network_transmit_bytes:rate`, expr: traffic("transmit") },
  ];
}

/** Per service, weighed by cores where it is a share. A target that is scraped twice counts once. */
export function serviceRules({ prefix, job }: RecordingOptions): readonly Rule[] {
  const once = (expr: string): string => `max ${BY_INSTANCE} (${expr})`;
  const sum = (expr: string): string => `sum ${BY_SERVICE} (${once(expr)})`;
  const busy = `${prefix}:instance_cpu_busy:ratio_rate`;
  const cores = `${prefix}:instance_cpu_cores:count`;
  return [
    {
      record: `${prefix}_service_cpu_usage_percent`,
      // Cores count only where their use is known: a new instance has cores before it has a rate.
      expr: `100 * ${sum(`${busy} * ${cores}`)} / ${sum(`${cores} and ${busy}`)}`,
    },
    { record: `${prefix}_service_memory_usage_bytes`, expr: sum(`${prefix}:instance_memory_used:bytes`) },
    {
      record: `${prefix}_service_network_traffic_in_bytes:rate`,
      expr: sum(`${prefix}:instance_network_receive_bytes:rate`),
    },
    {
      record: `${prefix}_service_network_traffic_out_bytes:rate`,
      expr: sum(`${prefix}:instance_network_transmit_bytes:rate`),
    },
    {
      record: `${prefix}_service_targets_up:ratio`,
      expr: `avg ${BY_SERVICE} (${once(`up{job=${quote(job)}}`)})`,
    },
  ];
}

/** A PromQL string. */
export function quote(text: string): string {
  return JSON.stringify(text);
}
