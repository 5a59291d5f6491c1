import { NATIVE_HISTOGRAMS_LEFT_OUT } from "../delivery/batch.ts";
import type { Destination } from "../delivery/destination.ts";
import { sendRequest } from "../delivery/send-request.ts";
import { compareCodePoints, createSeriesDictionary } from "../series/dictionary.ts";
import { isHistogram } from "../series/sample-value.ts";
import { type DestinationOptions, describeDestination } from "./describe-destination.ts";

interface Row {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  readonly value: string;
}

/** The smallest destination that keeps the contract: an array of rows, numbers as strings, and no histograms. */
function createMinimal(options: DestinationOptions): Destination {
  const url = `${options.url}/rows`;
  const encode: Destination["encode"] = (batch) => {
    const rows = batch.series.flatMap(({ series, timestampsMs, values }) =>
      values.flatMap((value, i): Row[] => {
        if (isHistogram(value)) return [];
        const labels = Object.fromEntries(series.labels.map((label) => [label.name, label.value]));
        const text = Object.is(value, -0) ? "-0" : String(value);
        return [{ name: series.name, labels, timestampMs: timestampsMs[i]!, value: text }];
      }),
    );
    const leftOut = batch.sampleCount - rows.length;
    const kept = leftOut === 0 ? {} : { leftOut: [{ reason: NATIVE_HISTOGRAMS_LEFT_OUT, count: leftOut }] };
    if (rows.length === 0) return { requests: [], refused: [], ...kept };
    const body = Buffer.from(JSON.stringify(rows));
    return { requests: [{ method: "POST", url, headers: {}, body }], refused: [], ...kept };
  };
  return {
    name: options.name,
    identity: `minimal ${url}`,
    keepsHistory: true,
    limits: { maxSamples: 1000, maxBytes: 1_000_000 },
    encode,
    async send(batch, sendOptions) {
      const { requests, ...kept } = encode(batch);
      for (const request of requests) await sendRequest(request, { ...options, ...sendOptions });
      return { accepted: batch.sampleCount - (kept.leftOut?.[0]?.count ?? 0), unknown: 0, ...kept };
    },
  };
}

describeDestination("minimal", {
  create: createMinimal,
  decode(requests) {
    const { intern } = createSeriesDictionary();
    return requests
      .flatMap(({ body }) => JSON.parse(body.toString()) as Row[])
      .map(({ name, labels, timestampMs, value }) => {
        const pairs = Object.entries(labels).sort(([a], [b]) => compareCodePoints(a, b));
        const series = intern(
          name,
          pairs.map(([label, text]) => ({ name: label, value: text })),
        );
        return { series, timestampMs, value: value === "null" ? null : Number(value) };
      });
  },
});
