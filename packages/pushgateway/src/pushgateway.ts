import {
  type Batch,
  checkHeaders,
  DeliveryError,
  type Destination,
  type EncodedRequest,
  endpointIdentity,
  type HttpOptions,
  parseEndpoint,
  type Receipt,
  type SendOptions,
  sendRequest,
} from "@promferry/core/delivery";
import type { MetricFamily } from "@promferry/core/series";
import {
  checkGrouping,
  fixedGroupingKey,
  type GroupingOptions,
  groupingPath,
  groupLabels,
} from "./grouping.ts";
import { latestOfBatch, latestOfFamilies } from "./latest.ts";
import { pushBody } from "./push-body.ts";
import { putAcceptable } from "./put-acceptable.ts";
import { createRefusals } from "./refusals.ts";
import { type Group, type SplitGroups, splitGroups } from "./split-groups.ts";

export interface PushgatewayOptions extends HttpOptions, GroupingOptions {
  /** As the user calls it. Default `pushgateway`. */
  readonly name?: string;
  /** Where the gateway is, without `/metrics/job/…`; a path in front of that is kept. */
  readonly url: string;
  /** Whether bodies are compressed. The gateway takes it, some proxies do not. Default false. */
  readonly gzip?: boolean;
}

/**
 * A Pushgateway, both as a {@link Destination} of batches and as a client.
 *
 * It holds one value a series and no time. As a destination it takes the newest sample of each
 * series of a batch and replaces the groups that the batch's series belong to: a batch is all that
 * these groups shall hold, and must not be split. A group all of whose series have ended (stale
 * markers) is deleted. Where the gateway refuses some families, the others are stored all the same.
 *
 * Native histograms are left out, and exemplars too: the text that it is pushed has no place for them.
 *
 * Every method is one attempt. The client's methods are all or nothing for each group, and reject
 * with a {@link DeliveryError}.
 */
export interface Pushgateway extends Destination {
  /** PUT: the groups hold exactly these families afterwards. No families empty the group. */
  push(families: readonly MetricFamily[], options?: SendOptions): Promise<void>;
  /** POST: replaces families of the same name and keeps the others. */
  add(families: readonly MetricFamily[], options?: SendOptions): Promise<void>;
  /**
   * DELETE: removes one group and its push times. A group that is not there is no error.
   *
   * @param values The values of the labels that `job` and `grouping` name with `{ label }`.
   * @throws {TypeError} One of these is missing.
   */
  delete(values?: Readonly<Record<string, string>>, options?: SendOptions): Promise<void>;
}

/**
 * @throws {TypeError} An option that no gateway could take; the message names it.
 */
export function createPushgateway(options: PushgatewayOptions): Pushgateway {
  const { name = "pushgateway", gzip = false } = options;
  const endpoint = parseEndpoint(options.url);
  if (endpoint.search !== "" || /\/metrics\/job(@base64)?(\/|$)/.test(endpoint.pathname)) {
    throw new TypeError(
      `url for ${endpoint.host} must end where the gateway's own paths begin: no /metrics/job, no query`,
    );
  }
  checkHeaders(options.headers ?? {});
  checkGrouping(options);
  const base = `${endpoint.origin}${endpoint.pathname.replace(/\/+$/, "")}`;

  const plan = (batch: Batch): SplitGroups & Pick<Receipt, "leftOut"> => {
    const { latest, superseded, leftOut } = latestOfBatch(batch);
    const { groups, refused } = splitGroups(latest, options);
    return { groups, refused: [...superseded, ...refused], ...(leftOut.length > 0 && { leftOut }) };
  };
  const request = (
    method: EncodedRequest["method"],
    path: string,
    families: readonly MetricFamily[] = [],
  ): EncodedRequest =>
    method === "DELETE"
      ? { method, url: base + path, headers: {}, body: new Uint8Array() }
      : { method, url: base + path, ...pushBody(families, { gzip }) };
  const groupRequest = ({ path, families }: Group) =>
    families.length > 0 ? request("PUT", path, families) : request("DELETE", path);
  const run = async (encoded: EncodedRequest, sendOptions: SendOptions): Promise<void> => {
    const { status } = await sendRequest(encoded, { ...options, ...sendOptions });
    if (status === 200 || status === 202) return;
    const message = `${encoded.method} to ${endpoint.host} was answered with ${status}, which no Pushgateway does; check url`;
    throw new DeliveryError("ERR_DELIVERY_MISCONFIGURED", message, { status });
  };
  const runAll = async (
    method: "PUT" | "POST",
    families: readonly MetricFamily[],
    sendOptions: SendOptions,
  ): Promise<void> => {
    const { groups, refused } = splitGroups(latestOfFamilies(families), options);
    if (refused[0])
      throw new DeliveryError("ERR_DELIVERY_REJECTED", `nothing was pushed: ${refused[0].reason}`);
    for (const group of groups) await run(request(method, group.path, group.families), sendOptions);
    if (groups.length === 0 && groupLabels(options).length === 0) {
      await run(request(method, groupingPath(fixedGroupingKey(options, {}))), sendOptions);
    }
  };

  return {
    name,
    identity: `pushgateway ${endpointIdentity(endpoint)} job=${JSON.stringify(options.job)}`,
    keepsHistory: false,
    limits: { maxSamples: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER },
    encode(batch) {
      const { groups, ...keptOut } = plan(batch);
      return { requests: groups.map(groupRequest), ...keptOut };
    },
    async send(batch, sendOptions = {}) {
      const { groups, refused, ...leftOut } = plan(batch);
      const byGateway = createRefusals();
      let accepted = 0;
      for (const group of groups) {
        if (group.families.length === 0) {
          await run(groupRequest(group), sendOptions);
        } else {
          const result = await putAcceptable(group.families, {
            put: (families) => run(request("PUT", group.path, families), sendOptions),
            probe: () => run(request("POST", group.path), sendOptions),
          });
          accepted += result.accepted;
          for (const { family, reason } of result.refused) {
            byGateway.add("the gateway refuses the family", family.name, family.values.length, reason);
          }
        }
        accepted += group.endedCount;
      }
      return { accepted, refused: [...refused, ...byGateway.list()], unknown: 0, ...leftOut };
    },
    push: (families, sendOptions = {}) => runAll("PUT", families, sendOptions),
    add: (families, sendOptions = {}) => runAll("POST", families, sendOptions),
    delete: async (values = {}, sendOptions = {}) =>
      run(request("DELETE", groupingPath(fixedGroupingKey(options, values))), sendOptions),
  };
}
