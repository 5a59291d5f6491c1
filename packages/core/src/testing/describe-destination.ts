import { inspect } from "node:util";
import { describe, expect, type TestContext, test } from "vitest";
import type { Batch, Destination, Receipt } from "../delivery/destination.ts";
import type { HttpOptions } from "../delivery/http-options.ts";
import { seriesKey } from "../series/dictionary.ts";
import { formatNativeHistogram } from "../series/native-histogram.ts";
import { isHistogram } from "../series/sample-value.ts";
import type { SampleValue, Series } from "../series/series.ts";
import { type Answer, type ReceivedRequest, type Receiver, startReceiver } from "./receiver.ts";
import {
  exemplarsBatch,
  labelsBatch,
  oddBatch,
  ordinaryBatch,
  START_MS,
  sampleHistogram,
  valuesBatch,
} from "./sample-batches.ts";

/** One sample that a receiver took out of requests. */
export interface DecodedSample {
  readonly series: Series;
  /** Not looked at for a destination that keeps no history. */
  readonly timestampMs: number;
  readonly value: SampleValue;
}

/** What the suite needs to know about an implementation. */
export interface DestinationSetup {
  /**
   * Makes the destination for the receiver at `options.url`, an origin without path, handing on all
   * the other options as they are.
   */
  create(options: DestinationOptions): Destination;
  /** The samples in these requests, in any order, without labels that the destination adds. */
  decode(requests: readonly ReceivedRequest[]): readonly DecodedSample[];
  /** How a receiver says yes. Default 200. */
  readonly successStatus?: number;
  /** What it says beside the status. Default: nothing. */
  readonly successHeaders?: Readonly<Record<string, string>>;
}

export interface DestinationOptions extends HttpOptions {
  readonly name: string;
  readonly url: string;
}

const SECRET = "s3cr3t-Tok3n";

/**
 * The contract of {@link Destination} as a vitest suite. An implementation runs it against receivers
 * on loopback ports:
 *
 * ```ts no-run
 * describeDestination("json", {
 *   create: (options) => createHttpPush({ ...options, format: "json" }),
 *   decode: (requests) => requests.flatMap(samplesOfLines),
 * });
 * ```
 */
export function describeDestination(name: string, setup: DestinationSetup): void {
  const success: Answer = (_, response) =>
    response.writeHead(setup.successStatus ?? 200, setup.successHeaders).end();
  const create = (url: string, options: HttpOptions = {}) => setup.create({ ...options, name: "suite", url });
  const ordinary = () => {
    const { keepsHistory } = create("http://127.0.0.1:9");
    return ordinaryBatch(keepsHistory ? [START_MS, START_MS + 15_000, START_MS + 30_001] : [START_MS]);
  };
  /** Sends the ordinary batch to a receiver that answers thus, and gives what `send` rejected with. */
  const failure = async (url: string, options: HttpOptions = {}, attempt = 1): Promise<unknown> => {
    try {
      await create(url, options).send(ordinary(), { attempt });
    } catch (error) {
      return error;
    }
    throw new Error("send resolved");
  };

  describe(`destination ${name}`, () => {
    test("has the name it was given and an identity that tells URLs apart", () => {
      const [one, same, other] = ["http://a.test", "http://a.test", "http://b.test"].map((url) =>
        create(url),
      );
      expect(one?.name).toBe("suite");
      expect(one?.identity).toBe(same?.identity);
      expect(one?.identity).not.toBe(other?.identity);
      expect(one?.limits.maxSamples).toBeGreaterThan(0);
      expect(one?.limits.maxBytes).toBeGreaterThan(0);
    });

    test("delivers every sample once, and the receipt adds up", async (context) => {
      const receiver = await open(context, success);
      const batch = ordinary();

      const receipt = await create(receiver.url).send(batch);

      expect(receipt).toEqual({ accepted: batch.sampleCount, refused: [], unknown: 0 });
      expect(comparable(setup.decode(receiver.requests), keepsTime())).toEqual(
        comparable(samplesOf(batch), keepsTime()),
      );
    });

    test("carries NaN, the infinities, -0 and the extremes of a double", async (context) => {
      const receiver = await open(context, success);
      const batch = valuesBatch([
        Number.NaN,
        Infinity,
        -Infinity,
        -0,
        5e-324,
        -1.7976931348623157e308,
        2 ** 53,
        0.1 + 0.2,
      ]);

      const receipt = await create(receiver.url).send(batch);

      expect(receipt).toEqual({ accepted: batch.sampleCount, refused: [], unknown: 0 });
      expect(comparable(setup.decode(receiver.requests), keepsTime())).toEqual(
        comparable(samplesOf(batch), keepsTime()),
      );
    });

    test("carries label values of any characters", async (context) => {
      const receiver = await open(context, success);
      const batch = labelsBatch([
        'say "hi"',
        "C:\\new",
        "two\nlines",
        "tab\there",
        "größer 漢字 🛳️",
        "{a=1},b",
        "# x",
        " ",
      ]);

      await create(receiver.url).send(batch);

      expect(comparable(setup.decode(receiver.requests), keepsTime())).toEqual(
        comparable(samplesOf(batch), keepsTime()),
      );
    });

    test("accounts for stale markers and never sends them as numbers", async (context) => {
      const receiver = await open(context, success);
      const batch = valuesBatch([1, null, 3]);

      const receipt = await create(receiver.url).send(batch);

      expect(sum(receipt)).toBe(3);
      expect(receipt.accepted).toBeGreaterThanOrEqual(2);
      expect(receipt.refused).toEqual([]);
      for (const { reason } of receipt.leftOut ?? []) expect(reason).not.toBe("");
      const numbers = setup.decode(receiver.requests).filter(({ value }) => value !== null);
      expect(numbers.map(({ value }) => value).sort()).toEqual([1, 3]);
    });

    test("accounts for native histograms and never sends them as numbers", async (context) => {
      const receiver = await open(context, success);
      const batch = valuesBatch([1, sampleHistogram, 3]);

      const receipt = await create(receiver.url).send(batch);

      expect(sum(receipt)).toBe(3);
      expect(receipt.accepted).toBeGreaterThanOrEqual(2);
      expect(receipt.refused).toEqual([]);
      const values = setup.decode(receiver.requests).map(({ value }) => value);
      expect(values.filter((value) => typeof value === "number").sort()).toEqual([1, 3]);
      const leftOut = (receipt.leftOut ?? []).reduce((count, each) => count + each.count, 0);
      expect(values.filter((value) => typeof value === "object")).toEqual(
        leftOut === 0 ? [sampleHistogram] : [],
      );
    });

    test("takes exemplars and start times, and counts samples only", async (context) => {
      const receiver = await open(context, success);
      const batch = exemplarsBatch();

      const receipt = await create(receiver.url).send(batch);

      expect(receipt).toEqual({ accepted: batch.sampleCount, refused: [], unknown: 0 });
      expect(comparable(setup.decode(receiver.requests), keepsTime())).toEqual(
        comparable(samplesOf(batch), keepsTime()),
      );
    });

    test("makes no request for an empty batch", async (context) => {
      const receiver = await open(context, success);
      const destination = create(receiver.url);
      const empty: Batch = { series: [], sampleCount: 0 };

      expect(destination.encode(empty)).toEqual({ requests: [], refused: [] });
      expect(await destination.send(empty)).toEqual({ accepted: 0, refused: [], unknown: 0 });
      expect(receiver.requests).toEqual([]);
    });

    test("makes the same bytes of the same batch, and sends what it encodes", async (context) => {
      const receiver = await open(context, success);
      const destination = create(receiver.url);
      const encoded = destination.encode(ordinary());

      expect(create(receiver.url).encode(ordinary())).toEqual(encoded);
      await destination.send(ordinary());

      expect(receiver.requests.map(({ method, path }) => `${method} ${receiver.url}${path}`)).toEqual(
        encoded.requests.map(({ method, url }) => `${method} ${url}`),
      );
      encoded.requests.forEach(({ headers, body }, i) => {
        expect(receiver.requests[i]?.body).toEqual(Buffer.from(body));
        for (const [header, value] of Object.entries(headers)) {
          expect(receiver.requests[i]?.headers[header.toLowerCase()], header).toBe(value);
        }
      });
    });

    test("says before it sends what it refuses and leaves out", async (context) => {
      const receiver = await open(context, success);
      const destination = create(receiver.url);
      const batch = oddBatch();

      const { requests, refused, leftOut } = destination.encode(batch);
      const receipt = await destination.send(batch);

      expect(sum(receipt)).toBe(batch.sampleCount);
      expect({ refused, leftOut }).toEqual({ refused: receipt.refused, leftOut: receipt.leftOut });
      expect(requests.length).toBe(receiver.requests.length);
    });

    test("encodes without a socket and without a credential", () => {
      const never = () => {
        throw new Error("encode must not do this");
      };
      const destination = create("http://127.0.0.1:9", { fetch: never, authorization: never });

      const { requests } = destination.encode(ordinary());

      expect(requests.length).toBeGreaterThan(0);
      for (const { headers } of requests) {
        expect(Object.keys(headers).map((header) => header.toLowerCase())).not.toContain("authorization");
      }
    });

    test("sends credential, own headers, user agent, and Retry-Attempt from the second attempt on", async (context) => {
      const receiver = await open(context, success);
      const destination = create(receiver.url, {
        authorization: async () => `Bearer ${SECRET}`,
        headers: { "X-Source": "suite" },
      });

      await destination.send(ordinary());
      const first = receiver.requests[0];
      const count = receiver.requests.length;
      await destination.send(ordinary(), { attempt: 2 });
      const second = receiver.requests[count];

      expect(first?.headers["authorization"]).toBe(`Bearer ${SECRET}`);
      expect(first?.headers["x-source"]).toBe("suite");
      expect(first?.headers["user-agent"]).toMatch(/^promferry\/\d/);
      expect(first?.headers["retry-attempt"]).toBeUndefined();
      expect(second?.headers["retry-attempt"]).toBe("1");
    });

    for (const { status, code, retryable, inDoubt } of [
      { status: 400, code: "ERR_DELIVERY_REJECTED", retryable: false, inDoubt: false },
      { status: 401, code: "ERR_DELIVERY_UNAUTHORIZED", retryable: false, inDoubt: false },
      { status: 403, code: "ERR_DELIVERY_UNAUTHORIZED", retryable: false, inDoubt: false },
      { status: 404, code: "ERR_DELIVERY_MISCONFIGURED", retryable: false, inDoubt: false },
      { status: 405, code: "ERR_DELIVERY_MISCONFIGURED", retryable: false, inDoubt: false },
      { status: 408, code: "ERR_DELIVERY_OVERLOADED", retryable: true, inDoubt: false },
      { status: 410, code: "ERR_DELIVERY_MISCONFIGURED", retryable: false, inDoubt: false },
      { status: 413, code: "ERR_DELIVERY_TOO_LARGE", retryable: false, inDoubt: false },
      { status: 415, code: "ERR_DELIVERY_MISCONFIGURED", retryable: false, inDoubt: false },
      { status: 422, code: "ERR_DELIVERY_REJECTED", retryable: false, inDoubt: false },
      { status: 429, code: "ERR_DELIVERY_OVERLOADED", retryable: true, inDoubt: false },
      { status: 500, code: "ERR_DELIVERY_OVERLOADED", retryable: true, inDoubt: true },
      { status: 503, code: "ERR_DELIVERY_OVERLOADED", retryable: true, inDoubt: true },
    ]) {
      test(`maps status ${status} to ${code} and shows the receiver's words, bounded`, async (context) => {
        const receiver = await open(context, (_, response) =>
          response.writeHead(status).end(`words of the receiver ${"x".repeat(10_000)}`),
        );

        const error = await failure(receiver.url);

        expect(error).toMatchObject({ name: "DeliveryError", code, status, retryable, inDoubt });
        const { message } = error as Error;
        expect(message).toContain("words of the receiver");
        expect(message).toContain(new URL(receiver.url).host);
        expect(message.length).toBeLessThan(2000);
      });
    }

    for (const { retryAfter, expected } of [
      { retryAfter: "7", expected: 7000 },
      { retryAfter: "Mon, 06 Oct 2025 12:01:30 GMT", expected: 90_000 },
    ]) {
      test(`hands on Retry-After: ${retryAfter}`, async (context) => {
        const receiver = await open(context, (_, response) =>
          response.writeHead(429, { "Retry-After": retryAfter }).end(),
        );

        expect(await failure(receiver.url, { now: () => START_MS })).toMatchObject({
          retryAfterMs: expected,
        });
      });
    }

    for (const status of [301, 302, 303, 307, 308]) {
      test(`takes a ${status} for a wrong URL and does not follow it`, async (context) => {
        const elsewhere = await open(context, success);
        const receiver = await open(context, (_, response) =>
          response.writeHead(status, { Location: `${elsewhere.url}/final` }).end(),
        );

        const error = await failure(receiver.url);

        expect(error).toMatchObject({ name: "DeliveryError", code: "ERR_DELIVERY_MISCONFIGURED", status });
        expect((error as Error).message).toContain(`${elsewhere.url}/final`);
        expect(elsewhere.requests).toEqual([]);
      });
    }

    test("is in doubt when the connection is cut after the request", async (context) => {
      const receiver = await open(context, (_, response) => response.destroy());

      const error = await failure(receiver.url);

      expect(error).toMatchObject({ code: "ERR_DELIVERY_UNREACHABLE", retryable: true, inDoubt: true });
      expect(receiver.requests.length).toBe(1);
    });

    test("is in doubt when no answer comes in time", async (context) => {
      const receiver = await open(context, () => {});

      expect(await failure(receiver.url, { timeoutMs: 50 })).toMatchObject({
        code: "ERR_DELIVERY_UNREACHABLE",
        inDoubt: true,
      });
    });

    test("is not in doubt when there never was a connection", async () => {
      const receiver = await startReceiver();
      await receiver.close();

      const error = await failure(receiver.url);

      expect(error).toMatchObject({ code: "ERR_DELIVERY_UNREACHABLE", retryable: true, inDoubt: false });
      expect((error as Error).message).toContain(new URL(receiver.url).host);
    });

    test("makes no request without its credential", async (context) => {
      const receiver = await open(context, success);
      const authorization = async () => {
        throw new Error("password_cmd ended with 1");
      };

      const error = await failure(receiver.url, { authorization });

      expect(error).toMatchObject({ code: "ERR_DELIVERY_UNAUTHORIZED" });
      expect((error as Error).message).toContain("password_cmd ended with 1");
      expect(receiver.requests).toEqual([]);
    });

    for (const { scheme, credential, secrets } of [
      { scheme: "Bearer", credential: `Bearer ${SECRET}`, secrets: [SECRET] },
      {
        scheme: "Basic",
        credential: `Basic ${Buffer.from(`joe:${SECRET}`).toString("base64")}`,
        secrets: [SECRET, Buffer.from(`joe:${SECRET}`).toString("base64")],
      },
    ]) {
      test(`shows no ${scheme} credential, even where the receiver echoes it`, async (context) => {
        for (const status of [302, 400, 401, 500]) {
          const receiver = await open(context, (request, response) => {
            const echo = `you sent ${request.headers["authorization"]} with ${SECRET}, ${request.headers["x-api-key"]}`;
            response.writeHead(status, { Location: `/${SECRET}?k=${SECRET}` }).end(echo);
          });

          const error = await failure(receiver.url, {
            authorization: async () => credential,
            headers: { "X-Api-Key": "k3y-in-a-header" },
          });

          const shown = inspect(error, { depth: 10 });
          for (const secret of [...secrets, "k3y-in-a-header"]) expect(shown).not.toContain(secret);
        }
      });
    }

    test("does not begin under a signal that is aborted", async (context) => {
      const receiver = await open(context, success);
      const reason = new Error("enough");

      const sent = create(receiver.url).send(ordinary(), { signal: AbortSignal.abort(reason) });

      await expect(sent).rejects.toBe(reason);
      expect(receiver.requests).toEqual([]);
    });

    test("stops waiting when its signal aborts, with the signal's reason", async (context) => {
      const abort = new AbortController();
      const reason = new Error("enough");
      const receiver = await open(context, () => abort.abort(reason));

      const sent = create(receiver.url).send(ordinary(), { signal: abort.signal });

      await expect(sent).rejects.toBe(reason);
    });
  });

  function keepsTime(): boolean {
    return create("http://127.0.0.1:9").keepsHistory;
  }
}

async function open(context: TestContext, answer: Answer): Promise<Receiver> {
  const receiver = await startReceiver(answer);
  context.onTestFinished(() => receiver.close());
  return receiver;
}

function samplesOf(batch: Batch): DecodedSample[] {
  return batch.series.flatMap(({ series, timestampsMs, values }) =>
    values.map((value, i) => ({ series, timestampMs: timestampsMs[i]!, value })),
  );
}

/** One line a sample, sorted, so that order does not matter; -0 and NaN are told from 0. */
function comparable(samples: readonly DecodedSample[], withTime: boolean): string[] {
  return samples
    .map(({ series, timestampMs, value }) => {
      const number = isHistogram(value)
        ? formatNativeHistogram(value)
        : value === null
          ? "stale"
          : Object.is(value, -0)
            ? "-0"
            : String(value);
      return `${seriesKey(series.name, series.labels)} ${number}${withTime ? ` ${timestampMs}` : ""}`;
    })
    .sort();
}

function sum({ accepted, refused, unknown, leftOut = [] }: Receipt): number {
  return accepted + unknown + [...refused, ...leftOut].reduce((total, { count }) => total + count, 0);
}
