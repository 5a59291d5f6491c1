/** PromQL of fixed templates: the only text from outside is the value of a label, and it is quoted. */

import { jobNameOf, rateWindowSeconds, TARGET_LABELS } from "@promferry/target-registry/render";

/** What is asked about. */
export type Level = "project" | "service" | "instance";

/** The resources that an expression is about; nothing named: all of them. */
export interface Scope {
  readonly project?: string;
  readonly service?: string;
  readonly instance?: string;
}

export interface TermsOptions {
  readonly level: Level;
  readonly scope: Scope;
  /** First part of the recorded names. */
  readonly prefix: string;
  /** `job` by endpoint name; default as the generated scrape configuration names them. */
  readonly jobs?: Readonly<Record<string, string>>;
  /** Scrape interval, in milliseconds. */
  readonly intervalMs: number;
}

const OF_INSTANCE = [TARGET_LABELS.project, TARGET_LABELS.service, TARGET_LABELS.instance];

/** Labels that tell the resources of a level apart. */
const LEVEL_LABELS: Readonly<Record<Level, readonly string[]>> = {
  project: [TARGET_LABELS.project],
  service: [TARGET_LABELS.project, TARGET_LABELS.service],
  instance: OF_INSTANCE,
};

/** The words that the templates are made of. */
export interface Terms {
  readonly level: Level;
  readonly prefix: string;
  /** Window of rates in seconds. */
  readonly windowSeconds: number;
  /** A recorded series in scope. */
  recorded(name: string): string;
  /** A scraped metric in scope; `matchers` are parts of a template, never text from outside. */
  scraped(endpoint: string, name: string, ...matchers: readonly string[]): string;
  /** One value for each instance (and `extra` label), also where a target is scraped twice. */
  once(expr: string, ...extra: readonly string[]): string;
  /** The sum of instances at this level, kept apart by `extra`. */
  sum(expr: string, ...extra: readonly string[]): string;
}

export function createTerms({ level, scope, prefix, jobs = {}, intervalMs }: TermsOptions): Terms {
  const inScope = (["project", "service", "instance"] as const).flatMap((name) => {
    const id = scope[name];
    return id === undefined ? [] : [`${TARGET_LABELS[name]}=${quote(id)}`];
  });
  const select = (name: string, matchers: readonly string[]): string =>
    `${name}{${[...matchers, ...inScope].join(", ")}}`;
  return {
    level,
    prefix,
    windowSeconds: rateWindowSeconds(intervalMs),
    recorded: (name) => select(name, []),
    scraped: (endpoint, name, ...matchers) =>
      select(name, [`job=${quote(jobs[endpoint] ?? jobNameOf(endpoint))}`, ...matchers]),
    once: (expr, ...extra) => `max by (${[...OF_INSTANCE, ...extra].join(", ")}) (${expr})`,
    sum: (expr, ...extra) => `sum by (${[...LEVEL_LABELS[level], ...extra].join(", ")}) (${expr})`,
  };
}

/** Labels of an instance, as an `on` clause takes them. */
export const ON_INSTANCE: string = `on (${OF_INSTANCE.join(", ")})`;

/** A PromQL string. JSON's escapes are a part of PromQL's. */
export function quote(text: string): string {
  return JSON.stringify(text);
}
