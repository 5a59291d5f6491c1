import { stringify } from "yaml";
import { alertRules } from "./alert-rules.ts";
import { instanceRules, serviceRules } from "./recording-rules.ts";

export interface RulesOptions {
  /** First part of the recorded names, `[a-z][a-z0-9_]*`. Default `click_deploy`. */
  readonly prefix?: string;
  /** `job` by endpoint name. Default: node, cadvisor and app as the scrape configuration names them. */
  readonly jobs?: Readonly<Record<string, string>>;
  /** Scrape interval of the node exporters, in milliseconds. Default 30,000. */
  readonly intervalMs?: number;
  /** Whether this Prometheus reads whole lists: no shard, no single project. Default true. */
  readonly wholeLists?: boolean;
}

const DEFAULT_JOBS = {
  node: "ferry-node",
  cadvisor: "ferry-cadvisor",
  app: "ferry-app",
};

/**
 * A file of rules for Prometheus: per instance, per service, alerts.
 *
 * Rates are over four scrapes, at least a minute. Nothing is recorded where there is no data: an absent series says so,
 * a zero would hide a dead fleet.
 *
 * @throws {RangeError} When the prefix is no beginning of a metric's name, or no job is named for `node`.
 */
export function renderRules(options: RulesOptions = {}): string {
  const { prefix = "click_deploy", jobs = DEFAULT_JOBS, intervalMs = 30_000, wholeLists = true } = options;
  if (!/^[a-z][a-z0-9_]*$/.test(prefix)) {
    throw new RangeError(`prefix: expected [a-z][a-z0-9_]*, found ${JSON.stringify(prefix.slice(0, 64))}`);
  }
  const job = jobs["node"];
  if (job === undefined) throw new RangeError("jobs: expected one for node");
  const recording = { prefix, job, intervalMs };
  // In one group rules run one after the other: a service's value is made of the same moment's instances.
  const groups = [
    { name: `${prefix}_services`, rules: [...instanceRules(recording), ...serviceRules(recording)] },
    { name: `${prefix}_alerts`, rules: alertRules({ jobs, wholeLists }) },
  ];
  return stringify({ groups }, { lineWidth: 0, aliasDuplicateObjects: false });
}
