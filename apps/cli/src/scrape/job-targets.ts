import { compileRelabel } from "@promferry/core/relabel";
import { scrapeRules } from "../config/scrape-schema.ts";
import type { DiscovererOptions, ListedGroups } from "./discovery/discoverer.ts";
import { runFileSd } from "./discovery/file-sd.ts";
import { runHttpSd } from "./discovery/http-sd.ts";
import { populateTarget, type Target } from "./populate-target.ts";
import type { ScrapeJob } from "./scrape-job.ts";

export interface JobTargetsOptions extends Pick<DiscovererOptions, "onRead" | "onFailure" | "sleep"> {
  /** The targets have changed by themselves. */
  readonly onChange: () => void;
}

/** What a job's lists come to now. */
export interface FoundTargets {
  /** Each once, by `id`. */
  readonly targets: ReadonlyMap<string, Target>;
  /** Taken away by `relabel_configs`. */
  readonly dropped: number;
  /** What is wrong with the others, one sentence each. */
  readonly problems: readonly string[];
}

/** Keeps the lists of one job. */
export interface JobTargets {
  readonly job: ScrapeJob;
  found(): FoundTargets;
  /** Takes other settings; reads every list anew and keeps what it had until then. */
  configure(job: ScrapeJob): void;
  stop(): void;
}

export function createJobTargets(first: ScrapeJob, options: JobTargetsOptions): JobTargets {
  let job = first;
  /** By what is read: the URL, or the paths. */
  let lists = new Map<string, readonly ListedGroups[]>();
  let running = new AbortController();
  let found: FoundTargets | undefined;

  function discover(): void {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const before = lists;
    lists = new Map();
    const begin = (key: string, run: (options: DiscovererOptions) => Promise<void>) => {
      if (lists.has(key)) return;
      const previous = before.get(key) ?? [];
      lists.set(key, previous);
      const { sleep, onRead, onFailure } = options;
      const onLists = (next: readonly ListedGroups[]) => {
        lists.set(key, next);
        found = undefined;
        options.onChange();
      };
      run({ previous, onLists, onRead, onFailure, sleep, signal }).catch((error: Error) => {
        onFailure(key, `no longer read: ${error.message}`);
      });
    };
    for (const config of job.config.file_sd_configs) {
      begin(JSON.stringify(config.files), (rest) => runFileSd(config, rest));
    }
    for (const { config, client } of job.httpSd) {
      begin(config.url, (rest) => runHttpSd(config, client, rest));
    }
  }

  function compute(): FoundTargets {
    const { config } = job;
    const relabel = compileRelabel(scrapeRules(config.relabel_configs));
    const targets = new Map<string, Target>();
    const problems: string[] = [];
    let dropped = 0;
    const fixed: ListedGroups = { source: "", groups: config.static_configs, meta: {} };
    for (const { groups, meta } of [fixed, ...Array.from(lists.values()).flat()]) {
      for (const { targets: addresses, labels } of groups) {
        const shared = [...Object.entries(labels), ...Object.entries(meta)];
        for (const address of addresses) {
          const populated = populateTarget(new Map([...shared, ["__address__", address]]), config, relabel);
          if ("target" in populated) targets.set(populated.target.id, populated.target);
          else if ("dropped" in populated) dropped++;
          else problems.push(populated.problem);
        }
      }
    }
    return { targets, dropped, problems };
  }

  discover();
  return {
    get job() {
      return job;
    },
    found() {
      found ??= compute();
      return found;
    },
    configure(next) {
      job = next;
      found = undefined;
      discover();
    },
    stop: () => running.abort(),
  };
}
