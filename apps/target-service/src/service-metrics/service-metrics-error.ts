/** What a question for metrics may be refused with; of the same form as the other problems of the API. */
export const METRICS_PROBLEMS = {
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
  metrics_forbidden: {
    status: 403,
    title: "This credential is for another project",
    help: "the right project's credential",
  },
  metrics_resource_unknown: {
    status: 404,
    title: "Nothing of this id is registered",
    help: "see `/v1/instances`",
  },
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
  prometheus_timeout: {
    status: 504,
    title: "Prometheus gave no answer in time",
    help: "a shorter time, fewer names",
  },
} as const;

export type ServiceMetricsErrorCode = keyof typeof METRICS_PROBLEMS;

/** Why a question for metrics got no answer. */
export class ServiceMetricsError extends Error {
  override readonly name = "ServiceMetricsError";
  readonly code: ServiceMetricsErrorCode;

  constructor(code: ServiceMetricsErrorCode, message: string, details: { cause?: unknown } = {}) {
    super(message, details);
    this.code = code;
  }
}

/** The problem document (RFC 9457); `request` is the id that stands in the log. */
export function metricsProblem({ code, message }: ServiceMetricsError, request: string): object {
  const { status, title } = METRICS_PROBLEMS[code];
  return { type: `urn:promferry:problem:${code}`, title, status, code, detail: message, request };
}
