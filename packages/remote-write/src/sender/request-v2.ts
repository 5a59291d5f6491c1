import {
  DeliveryError,
  type EncodedRequest,
  type HttpOptions,
  type SendOptions,
  sendRequest,
} from "@promferry/core/delivery";
import { ADVICE, explainUnsupported } from "./unsupported.ts";

/** What became of one attempt at a request of 2.0. */
export interface OutcomeV2 {
  /**
   * Whether the receiver knows 2.0: `yes` when it says how much it wrote, whatever the status; `no` on
   * 415, and on 2xx without a word about what it wrote; `perhaps not` on 400 without such a word, which
   * is what 1.x answers where 415 is meant; `unsaid` when the answer is about something else.
   */
  readonly knowsV2: "yes" | "no" | "perhaps not" | "unsaid";
  /** Why nothing of the batch counts as accepted; `undefined` after a success. */
  readonly error: DeliveryError | undefined;
  /** Samples and native histograms that the receiver says it wrote; 0 where it says nothing. */
  readonly written: number;
}

const SAMPLES_WRITTEN = "X-Prometheus-Remote-Write-Samples-Written";
const HISTOGRAMS_WRITTEN = "X-Prometheus-Remote-Write-Histograms-Written";
const WRITTEN_HEADERS = [SAMPLES_WRITTEN, HISTOGRAMS_WRITTEN, "X-Prometheus-Remote-Write-Exemplars-Written"];

/**
 * Makes one attempt at a request of 2.0 and reads the headers of the answer.
 *
 * @throws The reason of `signal`, when it aborts.
 * @see Remote-Write 2.0, "Required `Written` Response Headers", "Unsupported Request Content"
 */
export async function requestV2(
  request: EncodedRequest,
  options: HttpOptions & SendOptions,
): Promise<OutcomeV2> {
  let headers = new Headers();
  const ask = options.fetch ?? fetch;
  // The error of a 4xx does not carry the answer's headers.
  const listen: typeof fetch = async (input, init) => {
    const response = await ask(input, init);
    headers = response.headers;
    return response;
  };
  try {
    const { status } = await sendRequest(request, { ...options, fetch: listen });
    if (saysWritten(headers)) {
      return { knowsV2: "yes", error: undefined, written: writtenIn(headers) };
    }
    return { knowsV2: "no", error: unsaidWritten(request, status), written: 0 };
  } catch (thrown) {
    const error = explainUnsupported(thrown, 2);
    if (!(error instanceof DeliveryError)) throw error;
    return { knowsV2: knowledge(error.status, headers), error, written: writtenIn(headers) };
  }
}

function knowledge(status: number | undefined, headers: Headers): OutcomeV2["knowsV2"] {
  if (status === 415) return "no";
  if (saysWritten(headers)) return "yes";
  return status === 400 ? "perhaps not" : "unsaid";
}

function saysWritten(headers: Headers): boolean {
  return WRITTEN_HEADERS.some((name) => headers.has(name));
}

/** A missing header means zero, where the others show that the receiver knows them; what is no number is not zero. */
function writtenIn(headers: Headers): number {
  const numbers = [SAMPLES_WRITTEN, HISTOGRAMS_WRITTEN].map((name) => headers.get(name)?.trim() ?? "0");
  return numbers.reduce((sum, text) => sum + (/^\d+$/.test(text) ? Number(text) : Number.NaN), 0);
}

function unsaidWritten(request: EncodedRequest, status: number): DeliveryError {
  const target = `${request.method} to ${new URL(request.url).host}`;
  const message =
    `${target} was answered with ${status}, but without the headers in which a receiver of remote write 2.0 says ` +
    `what it wrote, so it knows 1.0 only and nothing was stored; ${ADVICE[2]}`;
  return new DeliveryError("ERR_DELIVERY_MISCONFIGURED", message, { status });
}
