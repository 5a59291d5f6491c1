import { type JoinTokenText, parseJoinToken } from "../tokens/join-token.ts";
import { openDocument } from "./document.ts";
import { readEndpoints } from "./endpoints.ts";
import type { Endpoint } from "./instance.ts";
import { type AddressPolicy, createAddressPolicy, DEFAULT_POLICY, type Policy } from "./policy.ts";
import type { Checked } from "./problem.ts";

/** What an instance sends to be let in. */
export interface JoinDocument {
  readonly token: JoinTokenText;
  readonly instanceId: string;
  readonly bootId: string;
  /** SHA-256 of the key that the instance made, 64 lower-case hex digits. */
  readonly keyHash: string;
  readonly endpoints: readonly Endpoint[];
}

/** What an instance says of itself later. */
export interface InstanceDocument {
  readonly bootId: string;
  readonly endpoints: readonly Endpoint[];
}

const SHA256_HEX = /^[0-9a-f]{64}$/;

/**
 * Checks a join: `token`, `instance_id`, `boot_id`, `key` (the SHA-256 of the instance's key), `endpoints`.
 *
 * Gives all problems at once, at most 50, and shows neither token nor key; never throws.
 */
export function validateJoin(
  input: unknown,
  policy: Policy = DEFAULT_POLICY,
  addresses: AddressPolicy = createAddressPolicy(policy),
): Checked<JoinDocument> {
  const { reader, problems } = openDocument(input, ["token", "instance_id", "boot_id", "key", "endpoints"]);
  const text = reader.field("token");
  const token = typeof text === "string" ? parseJoinToken(text) : undefined;
  if (token === undefined) reader.hidden("token", "a join token, <id>.<secret>.<ca>");
  const key = reader.field("key");
  const keyHash = typeof key === "string" && SHA256_HEX.test(key) ? key : "";
  if (keyHash === "") reader.hidden("key", "the SHA-256 of the instance's key, 64 lower-case hex digits");
  const rest = {
    instanceId: reader.id("instance_id"),
    bootId: reader.id("boot_id"),
    keyHash,
    endpoints: readEndpoints(reader, policy, addresses),
  };
  if (problems.length > 0 || token === undefined) return { ok: false, problems };
  return { ok: true, value: { token, ...rest } };
}

/** Checks what an instance states about itself with its own key: `boot_id`, `endpoints`. All problems at once. */
export function validateInstanceDocument(
  input: unknown,
  policy: Policy = DEFAULT_POLICY,
  addresses: AddressPolicy = createAddressPolicy(policy),
): Checked<InstanceDocument> {
  const { reader, problems } = openDocument(input, ["boot_id", "endpoints"]);
  const value = { bootId: reader.id("boot_id"), endpoints: readEndpoints(reader, policy, addresses) };
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}
