import {
  type AddressPolicy,
  createAddressPolicy,
  type Policy,
  type Timings,
} from "@promferry/target-registry";
import type { TargetStore } from "@promferry/target-registry/store";
import type { Caller } from "./auth/caller.ts";
import type { InstanceMirror } from "./discovery/instance-mirror.ts";
import type { ListCache } from "./discovery/list-cache.ts";
import type { Heartbeats } from "./lease/heartbeats.ts";
import type { ServiceCounters } from "./observe/metrics.ts";
import type { ScrapingPrometheus } from "./prometheus/scraping-prometheus.ts";
import type { ChangeStreamLimits } from "./routes/change-stream.ts";
import type { Workshop } from "./user-data/workshop.ts";

/** What routes work with; made once by `main.ts`, or by a test. */
export interface Service {
  readonly store: TargetStore;
  readonly policy: Policy;
  readonly addresses: AddressPolicy;
  readonly timings: Timings;
  readonly mirror: InstanceMirror;
  readonly lists: ListCache;
  readonly heartbeats: Heartbeats;
  readonly workshop: Workshop;
  readonly counters: ServiceCounters;
  /** Address under which instances and Prometheus reach the service, without a slash at the end. */
  readonly publicUrl: string;
  /** CA that instances are to trust, in PEM. Undefined: what their images trust. */
  readonly agentCa: string | undefined;
  /** First part of the recorded metrics' names. */
  readonly metricPrefix: string;
  readonly prometheus: ScrapingPrometheus | undefined;
  /** Aborts when the service is asked to end; long polls are answered then, and streams end. */
  readonly stopping: AbortSignal;
  /** Limits of streams of changes, for tests. Default: their own. */
  readonly changeStreams?: ChangeStreamLimits;
}

/** Addresses that the caller may register: those of the policy, inside its own ranges where it has some. */
export function addressesOf({ policy, addresses }: Service, caller: Caller): AddressPolicy {
  if (caller.role !== "registrar" || caller.ranges === undefined) return addresses;
  const own = createAddressPolicy({ ...policy, ranges: caller.ranges });
  return {
    refusal: (address) => addresses.refusal(address) ?? own.refusal(address),
    rangeRefusal: (range) => addresses.rangeRefusal(range) ?? own.rangeRefusal(range),
  };
}
