import type { SessionInfo } from "@promferry/core/journal";
import type { Projected, Projection } from "@promferry/core/merge";
import { compileRelabel } from "@promferry/core/relabel";
import { canonicalLabels, type EpochMs, type Label } from "@promferry/core/series";
import {
  agreedOnly,
  allowListBySession,
  clampGauges,
  composeFilters,
  denyList,
  type Filter,
  type FindingKind,
  joinSession,
  readConsent,
  type ScanAction,
  type Scanner,
  valueScan,
} from "@promferry/privacy";
import { relabelConfigs } from "../config/check-config.ts";
import type { DestinationConfig, MetricsConfig } from "../config/schema.ts";
import { findCatalogue } from "./find-catalogue.ts";
import type { LabelTemplate } from "./session-variables.ts";

export interface ProjectionOptions {
  readonly metrics: MetricsConfig;
  /** Where the catalogues lie. */
  readonly dir: string;
  readonly destination: DestinationConfig;
  readonly scanner: Scanner;
  /** Counts what the other filters let through, before labels are added. */
  readonly cap: Filter;
  /** Value of the label `user`; absent with identity none. */
  readonly user: string | ((weekMs: EpochMs) => string) | undefined;
  /** Labels for series that don't have them. */
  readonly externalLabels: Readonly<Record<string, LabelTemplate>>;
  /** Labels that replace those of the same name. */
  readonly groupingLabels: Readonly<Record<string, LabelTemplate>>;
}

/**
 * What one destination sees of a series: of a program's own telemetry what catalogue, agreement, deny-list,
 * value scan and the cap on values let through, with the labels of its session and its user; then, of scraped pages too, grouping and
 * external labels, and the destination's rules.
 */
export function destinationProjection(options: ProjectionOptions): Projection {
  const { metrics, dir, destination, user } = options;
  const stored = readConsent(dir);
  const agreed = stored.kind === "decided" ? stored.record.agreed : undefined;
  const filters: Filter[] = [
    allowListBySession((digest) => findCatalogue(dir, digest)),
    ...(agreed === undefined ? [] : [agreedOnly(agreed)]),
    ...(metrics.exclude_cluster_info ? [denyList()] : []),
    valueScan({ scanner: options.scanner, action: scanAction(metrics), pages: destination.scan_pages }),
    options.cap,
    clampGauges(metrics.clamp),
    joinSession({ labels: metrics.session_labels, ...(user === undefined ? {} : { user }) }),
    addLabels(options.groupingLabels, "replace"),
    addLabels(options.externalLabels, "keep"),
  ];
  if (destination.write_relabel_configs.length > 0) filters.push(relabelFilter(destination));
  return composeFilters(...filters);
}

/** What the configuration says of each kind of finding. */
export function scanAction({ scan }: Pick<MetricsConfig, "scan">): (kind: FindingKind) => ScanAction {
  return (kind) => scan[kind] ?? scan.default;
}

/** @param taken What happens to a label that the series has already. */
function addLabels(templates: Readonly<Record<string, LabelTemplate>>, taken: "keep" | "replace"): Filter {
  const added = Object.entries(templates);
  if (added.length === 0) return (series) => series;
  const fill = (template: LabelTemplate, session: SessionInfo, periodMs: EpochMs) =>
    typeof template === "string" ? template : template(session, periodMs);
  return ({ name, labels }, { session, periodMs = 0 }): Projected => {
    const byName = new Map(labels.map((label) => [label.name, label.value]));
    for (const [label, template] of added) {
      if (taken === "replace" || !byName.has(label)) byName.set(label, fill(template, session, periodMs));
    }
    return {
      name,
      labels: canonicalLabels(Array.from(byName, ([label, value]) => ({ name: label, value }))),
    };
  };
}

function relabelFilter(destination: DestinationConfig): Filter {
  const relabel = compileRelabel(relabelConfigs(destination));
  const isName = ({ name }: Label) => name === "__name__";
  return ({ name, labels }): Projected => {
    const relabelled = relabel([...labels, { name: "__name__", value: name }]);
    if (!relabelled) return { withheld: "dropped by write_relabel_configs" };
    const renamed = relabelled.find(isName);
    if (!renamed) return { withheld: "write_relabel_configs took its name away" };
    return { name: renamed.value, labels: relabelled.filter((label) => !isName(label)) };
  };
}
