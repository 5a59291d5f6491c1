/** Every problem that the API answers with: stable codes, for branching. The README's table is made from this one. */

export interface ProblemKind {
  readonly status: number;
  /** What happened, for any occurrence. */
  readonly title: string;
  /** What helps, in the words of the README. */
  readonly help: string;
}

export const PROBLEMS = {
  invalid_json: { status: 400, title: "The body is not JSON", help: "mend the body" },
  invalid_request: {
    status: 400,
    title: "The request does not have the form that its schema asks for",
    help: "`problems` names every place",
  },
  metrics_range: {
    status: 400,
    title: "from, to or step can't be answered",
    help: "`detail` names the one and its limit",
  },
  metrics_name: { status: 400, title: "There is no such metric here", help: "`detail` lists them" },
  metrics_ambiguous: {
    status: 400,
    title: "Several projects have a service of this id",
    help: "name one, `?project=`",
  },
  unauthorized: {
    status: 401,
    title: "No known credential came with the request",
    help: "send `Authorization: Bearer …`",
  },
  client_certificate_required: {
    status: 401,
    title: "This credential is only taken together with a client certificate",
    help: "connect with a certificate of the CA in `tls.client_ca_file`",
  },
  wrong_key: { status: 401, title: "This is not the key of that instance", help: "the instance's own key" },
  token_unknown: {
    status: 401,
    title: "There is no such join token, or its secret is another",
    help: "issue a token",
  },
  forbidden: {
    status: 403,
    title: "This credential may not do that",
    help: "another role, or the right project",
  },
  token_bound: {
    status: 403,
    title: "The join token is for another instance",
    help: "issue a token for this one",
  },
  outside_grant: {
    status: 403,
    title: "An endpoint lies outside what was granted",
    help: "issue a token with its range, name and port",
  },
  metrics_forbidden: {
    status: 403,
    title: "This credential is for another project",
    help: "the right project's credential",
  },
  not_found: { status: 404, title: "There is no such route", help: "see `/openapi.json`" },
  unknown_instance: {
    status: 404,
    title: "There is no such instance",
    help: "the agent joins again, with a new token",
  },
  metrics_resource_unknown: {
    status: 404,
    title: "Nothing of this id is registered",
    help: "see `/v1/instances`",
  },
  address_taken: {
    status: 409,
    title: "Another instance holds this address",
    help: "remove the other one, or let the platform PUT this one",
  },
  changes_reset: {
    status: 409,
    title: "Changes since that revision are no longer known",
    help: "read the list again, then follow from `rev`",
  },
  idempotency_running: {
    status: 409,
    title: "A call with this Idempotency-Key is running",
    help: "wait for it; after a minute it counts as lost",
  },
  other_key: {
    status: 409,
    title: "The instance has joined with another key",
    help: "issue a token bound to its id",
  },
  other_owner: {
    status: 409,
    title: "The instance belongs to another project, service or scope",
    help: "remove it there first",
  },
  targets_missing: {
    status: 409,
    title: "Prometheus scrapes targets that this store does not have",
    help: "see whether it is the right store; `force` takes it all the same",
  },
  token_used: {
    status: 409,
    title: "The join token was used with another key",
    help: "somebody has taken it: look at the instance's events, issue a new one",
  },
  instance_removed: {
    status: 410,
    title: "The platform removed this instance",
    help: "nothing; it is final",
  },
  key_expired: {
    status: 410,
    title: "The instance was removed longer ago than its key is valid",
    help: "issue a token bound to its id",
  },
  token_expired: { status: 410, title: "The join token's time is over", help: "issue a token" },
  token_revoked: { status: 410, title: "The join token was revoked", help: "issue a token" },
  revision_mismatch: {
    status: 412,
    title: "The instance has another revision",
    help: "read it again; `rev` is the present one",
  },
  body_too_large: { status: 413, title: "The body is too large", help: "64 KiB, user data 256 KiB" },
  user_data_too_large: {
    status: 413,
    title: "The user data is over the provider's limit",
    help: "a pre-built image, or a smaller part of the user's own",
  },
  unsupported_media_type: {
    status: 415,
    title: "The body is of another type",
    help: "`application/json`, not compressed",
  },
  idempotency_mismatch: {
    status: 422,
    title: "This Idempotency-Key was used with another body",
    help: "a new key for a new request",
  },
  invalid_content: {
    status: 422,
    title: "The document says something that the policy does not allow",
    help: "`problems` names every place",
  },
  user_data_option: {
    status: 422,
    title: "User data can't be made from these options",
    help: "`detail` names one",
  },
  user_data_part: {
    status: 422,
    title: "The user's own part can't be merged or read",
    help: "`findings` says where",
  },
  user_data_unpinned: {
    status: 422,
    title: "An image or a download is not pinned",
    help: "name a digest",
  },
  quota_exceeded: {
    status: 429,
    title: "The project has as many instances as it may",
    help: "remove some, or raise `policy.instances_per_project`",
  },
  rate_limited: { status: 429, title: "Too many requests with this credential", help: "see Retry-After" },
  internal: { status: 500, title: "The service failed", help: "its log has the request's id" },
  prometheus_missing: {
    status: 502,
    title: "The service was given no Prometheus to ask",
    help: "set `PROMETHEUS_URL`",
  },
  prometheus_unreachable: {
    status: 502,
    title: "Prometheus can't be reached",
    help: "`PROMETHEUS_URL`, its CA",
  },
  prometheus_unauthorized: {
    status: 502,
    title: "Prometheus refused the service's credentials",
    help: "the credentials' files, the tenant",
  },
  prometheus_refused: {
    status: 502,
    title: "Prometheus refused the question",
    help: "a shorter time, a longer step; `detail` has its words",
  },
  overloaded: {
    status: 503,
    title: "More is waiting than the service takes",
    help: "see Retry-After; no lease ends for a late heartbeat",
  },
  store_frozen: {
    status: 503,
    title: "Writes are refused while the store is exported",
    help: "see Retry-After; lists are still served",
  },
  store_new: {
    status: 503,
    title: "The store is new: what it does not know may still exist",
    help: "`promferry targets init`, or POST /v1/sd/confirm",
  },
  store_unavailable: { status: 503, title: "The store does not answer", help: "see Retry-After" },
  prometheus_timeout: {
    status: 504,
    title: "Prometheus gave no answer in time",
    help: "a shorter time, fewer names",
  },
} as const satisfies Readonly<Record<string, ProblemKind>>;

export type ProblemCode = keyof typeof PROBLEMS;
