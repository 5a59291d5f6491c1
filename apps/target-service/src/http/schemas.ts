/** Pieces of the JSON schemas; forms are the registry's own, so that a document refused here is refused there. */
import { LIMITS, type Policy } from "@promferry/target-registry";

const ID_PATTERN = `^[A-Za-z0-9][A-Za-z0-9._-]{0,${LIMITS.id - 1}}$`;

export const id = { type: "string", pattern: ID_PATTERN } as const;
export const labels = {
  type: "object",
  maxProperties: LIMITS.labels,
  additionalProperties: { type: "string", minLength: 1, maxLength: LIMITS.labelValue },
} as const;
export const ranges = {
  type: "array",
  minItems: 1,
  maxItems: LIMITS.ranges,
  items: { type: "string", maxLength: 64 },
  description: "CIDR ranges that every address must lie in",
} as const;
export const port = { type: "integer", minimum: 1, maximum: 65_535 } as const;
export const time = { type: "string", description: "RFC 3339, UTC" } as const;
export const digits = { type: "string", pattern: "^[0-9]{1,15}$" } as const;

export function closed(
  properties: Readonly<Record<string, object>>,
  required: readonly string[] = Object.keys(properties),
): { readonly type: "object"; readonly properties: typeof properties; required: readonly string[] } {
  return { type: "object", properties, required, ...{ additionalProperties: false } };
}

export function endpointNames(policy: Policy): object {
  return { type: "string", enum: policy.endpoints.map(({ name }) => name) };
}

export function endpoints(policy: Policy): object {
  return {
    type: "array",
    minItems: 1,
    maxItems: LIMITS.endpoints,
    items: closed(
      {
        name: endpointNames(policy),
        address: { type: "string", maxLength: 64, description: "a literal IP address" },
        port,
      },
      ["name", "address"],
    ),
  };
}

export const instanceSchema = closed({
  id,
  project: id,
  service: id,
  scope: id,
  liveness: { enum: ["heartbeat", "platform"] },
  state: { enum: ["expected", "active", "lost", "draining", "removed"] },
  removed_by: { type: ["string", "null"] },
  state_since: time,
  deadline: { type: ["string", "null"] },
  boot_id: { type: ["string", "null"] },
  created_at: time,
  seen_at: { type: ["string", "null"] },
  endpoints: {
    type: "array",
    items: closed({ name: { type: "string" }, address: { type: "string" }, port }),
  },
  labels: { type: "object", additionalProperties: { type: "string" } },
  rev: { type: "integer" },
});

export const findingSchema = closed({
  code: { type: "string" },
  line: { type: "integer" },
  column: { type: "integer" },
  message: { type: "string" },
});

export const idParams = closed({ id });
