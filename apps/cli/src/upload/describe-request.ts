import { gunzipSync } from "node:zlib";
import type { EncodedRequest } from "@promferry/core/delivery";
import { formatNativeHistogram, isHistogram, type Label, type SampleValue } from "@promferry/core/series";
import {
  type DecodedSeries,
  decodeRequestV2,
  decodeWriteRequest,
  snappyjsCodec,
} from "@promferry/remote-write";

/** More than any request of ours, in bytes. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Of the headers, those that say what the body is. Others may hold what the configuration takes from a secret. */
const TOLD = /^(content-|x-prometheus-|user-agent$)/i;

/** A request as a person can read it: its first line, the headers that say what the body is, and the body decoded. */
export function describeRequest({ method, url, headers, body }: EncodedRequest): string {
  const told = Object.entries(headers).filter(([name]) => TOLD.test(name));
  const head = [`${method} ${url}`, ...told.map(([name, value]) => `${name}: ${value}`)];
  return `${head.join("\n")}\n\n${decoded(headers, body)}`;
}

function decoded(headers: EncodedRequest["headers"], body: Uint8Array): string {
  const of = (wanted: string) =>
    Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1] ?? "";
  const encoding = of("content-encoding");
  if (encoding !== "snappy")
    return Buffer.from(encoding === "gzip" ? gunzipSync(body) : body).toString("utf8");
  const plain = snappyjsCodec.uncompress(body, MAX_BYTES);
  const { series } = of("content-type").includes("v2") ? decodeRequestV2(plain) : decodeWriteRequest(plain);
  return series.map(seriesText).join("");
}

function seriesText({ labels, timestampsMs, values, exemplars }: DecodedSeries): string {
  const name = labels.find((label) => label.name === "__name__")?.value ?? "";
  const key = `${name}${labelsText(labels.filter((label) => label.name !== "__name__"))}`;
  const samples = values.map((value, i) => `${key} ${valueText(value)} ${timestampsMs[i]}\n`);
  const traces = exemplars.map(
    (each) => `# exemplar ${labelsText(each.labels)} ${each.value} ${each.timestampMs}\n`,
  );
  return [...samples, ...traces].join("");
}

function labelsText(labels: readonly Label[]): string {
  return `{${labels.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).join(",")}}`;
}

function valueText(value: SampleValue): string {
  if (value === null) return "(ended)";
  return isHistogram(value) ? formatNativeHistogram(value) : String(value);
}
