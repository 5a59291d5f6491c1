import { openDocument } from "./document.ts";
import { readEndpoints } from "./endpoints.ts";
import type { InstanceSpec } from "./instance.ts";
import { readLabels } from "./labels.ts";
import { type AddressPolicy, createAddressPolicy, DEFAULT_POLICY, type Policy } from "./policy.ts";
import type { Checked } from "./problem.ts";

/**
 * Checks what a platform states about an instance, and brings it into canonical form.
 *
 * Fields: `id`, `project`, `service`, `endpoints` (`name`, `address`, and `port` where it is not the kind's default),
 * and where wanted `scope` (default `"default"`), `liveness` (default `"heartbeat"`), `labels`. The port of a platform's
 * endpoint must be one of its kind's. Gives all problems at once, at most 50; never throws, whatever comes.
 *
 * @param addresses Made from the same policy once, where many documents are checked.
 */
export function validateSpec(
  input: unknown,
  policy: Policy = DEFAULT_POLICY,
  addresses: AddressPolicy = createAddressPolicy(policy),
): Checked<InstanceSpec> {
  const { reader, problems } = openDocument(input, [
    "id",
    "project",
    "service",
    "scope",
    "liveness",
    "endpoints",
    "labels",
  ]);
  const liveness = reader.field("liveness") ?? "heartbeat";
  if (liveness !== "heartbeat" && liveness !== "platform")
    reader.problem("liveness", "heartbeat or platform");
  const value: InstanceSpec = {
    id: reader.id("id"),
    project: reader.id("project"),
    service: reader.id("service"),
    scope: reader.id("scope", "default"),
    liveness: liveness === "platform" ? "platform" : "heartbeat",
    endpoints: readEndpoints(reader, policy, addresses),
    labels: readLabels(reader),
  };
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}
