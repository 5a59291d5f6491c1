/**
 * What a piece of text looks like.
 *
 * - `own_name`: this machine's host or user name, or a cluster, context or user of its kube-config.
 * - `too_long`: more than is looked through, and so of unknown content.
 */
export const FINDING_KINDS = [
  "email",
  "ip",
  "mac",
  "jwt",
  "key",
  "pem",
  "url_credentials",
  "home_path",
  "uuid",
  "pod_name",
  "own_name",
  "too_long",
] as const;

export type FindingKind = (typeof FINDING_KINDS)[number];
