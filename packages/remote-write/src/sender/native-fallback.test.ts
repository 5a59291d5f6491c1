import { DeliveryError } from "@promferry/core/delivery";
import type { NativeHistogram } from "@promferry/core/series";
import { type ReceivedRequest, startReceiver } from "@promferry/core/testing";
import { expect, type TestContext, test } from "vitest";
import { batchOf, entry, NOON } from "../../test/batches.ts";
import { decodeRequestV2 } from "../request-v2/decode.ts";
import { snappyjsCodec } from "../snappy/codec.ts";
import { decodeWriteRequest } from "../write-request/decode.ts";
import { createRemoteWrite } from "./remote-write.ts";

const histogram: NativeHistogram = {
  schema: 0,
  integer: true,
  count: 3,
  sum: 6,
  zeroThreshold: 0.5,
  zeroCount: 0,
  positiveSpans: [{ offset: 1, length: 1 }],
  positiveCounts: [3],
  negativeSpans: [],
  negativeCounts: [],
  customBounds: [],
  resetHint: "unknown",
};

const plain = entry("up", {}, [[NOON, 1]]);
/** Its end goes as a histogram, too. */
const native = {
  ...entry("h", {}, [
    [NOON, histogram],
    [NOON + 1, null],
  ]),
  family: { name: "h", type: "histogram" as const, help: "", unit: "" },
};
/** Of both kinds, and ended. */
const mixed = {
  ...entry("m", {}, [
    [NOON, 1],
    [NOON + 1, histogram],
    [NOON + 2, null],
  ]),
  startsMs: new Map([
    [0, NOON - 3],
    [1, NOON - 2],
    [2, NOON - 1],
  ]),
};
const batch = batchOf(plain, native, mixed);

/** `name@time`, with an `h` behind native histograms. */
function shown({ body, headers }: ReceivedRequest): string {
  const message = snappyjsCodec.uncompress(body, 1e6);
  const isV2 = headers["content-type"]?.includes("v2") ?? false;
  const { series } = isV2 ? decodeRequestV2(message) : decodeWriteRequest(message);
  return series
    .flatMap(({ labels, timestampsMs, values }) =>
      values.map((value, i) => {
        const name = labels.at(-1)!.value;
        const isNative = name === "h" || (typeof value === "object" && value !== null);
        const kind = isNative ? "h" : "";
        return `${name}@${timestampsMs[i]! - NOON}${kind}`;
      }),
    )
    .join(" ");
}

async function start(
  { onTestFinished }: TestContext,
  status: (content: string, n: number) => number,
  protocol: 1 | 2 | "auto" = 1,
) {
  const requests: string[] = [];
  const receiver = await startReceiver((request, response) => {
    requests.push(shown(request));
    const written = { "X-Prometheus-Remote-Write-Samples-Written": "1" };
    response.writeHead(status(requests.at(-1)!, requests.length), written).end("words");
  });
  onTestFinished(receiver.close);
  const now = () => NOON;
  const refusals: number[] = [];
  const onNativeRefused = () => void refusals.push(requests.length);
  const { url } = receiver;
  return {
    ...{ requests, refusals },
    destination: createRemoteWrite({ name: "r", url, protocol, now, onNativeRefused }),
  };
}

const all = "up@0 h@0h h@1h m@0 m@1h m@2";
const natives = "h@0h h@1h m@1h";
const rest = "up@0 m@0 m@2";
const takesNone = (content: string) => (content.includes("h ") || content.endsWith("h") ? 500 : 204);

for (const protocol of [1, 2, "auto"] as const) {
  test(`a receiver that takes no native histograms is sent everything else by ${protocol}, and after the first time no more of them`, async (context) => {
    const { destination, requests, refusals } = await start(context, takesNone, protocol);
    await expect(destination.send(batch)).rejects.toMatchObject({ status: 500 });
    const receipt = {
      accepted: 3,
      refused: [{ count: 3, reason: expect.stringMatching(/no native histograms: .* 500: words/) }],
      unknown: 0,
    };
    expect(await destination.send(batch, { attempt: 2 })).toEqual(receipt);
    const sorted = (each: string) => each.split(" ").sort().join(" ");
    expect(requests.map(sorted)).toEqual([all, all, natives, rest, natives].map(sorted));

    expect(await destination.send(batch)).toEqual(receipt);
    expect(await destination.send(batchOf(native))).toMatchObject({ accepted: 0, refused: [{ count: 2 }] });
    expect(requests.slice(5).map(sorted)).toEqual([rest].map(sorted));
    expect(destination.encode(batch)).toMatchObject({ refused: receipt.refused });
    expect(destination.encode(batchOf(plain))).toMatchObject({ refused: [] });
    expect(refusals).toEqual([5]);
  });
}

for (const { name, status, says } of [
  { name: "all that it is sent", status: () => 500, says: 500 },
  {
    name: "everything else",
    status: (content: string) => (takesNone(content) === 500 ? 500 : 503),
    says: 503,
  },
]) {
  test(`a receiver that fails on ${name} is not taken for one without native histograms`, async (context) => {
    const { destination, requests } = await start(context, status);
    const error = await destination.send(batch, { attempt: 2 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DeliveryError);
    expect(error).toMatchObject({ status: says, inDoubt: true });
    expect(destination.encode(batch).refused).toEqual([]);
    expect(requests.length).toBeLessThanOrEqual(4);
  });
}

for (const { name, failing } of [
  { name: "at the second look", failing: 1 },
  { name: "after everything else", failing: 2 },
]) {
  test(`a receiver that takes native histograms ${name} is not taken for one without, and nothing is sent to it again`, async (context) => {
    const { destination, requests } = await start(context, (_, n) => (n <= failing ? 500 : 204));
    expect(await destination.send(batch, { attempt: 2 })).toMatchObject({ accepted: 6, refused: [] });
    expect(requests.slice(1).filter((each) => each === rest)).toHaveLength(1);
    expect(requests.slice(failing)).toEqual(failing === 1 ? [natives, rest] : [rest, natives]);
    expect(destination.encode(batch).refused).toEqual([]);
  });
}

test("a batch without anything else, or without native histograms, tells nothing", async (context) => {
  const { destination, requests } = await start(context, () => 500);
  for (const each of [batchOf(native), batchOf(plain)]) {
    await expect(destination.send(each, { attempt: 5 })).rejects.toMatchObject({ status: 500 });
  }
  expect(requests).toHaveLength(2);
});
