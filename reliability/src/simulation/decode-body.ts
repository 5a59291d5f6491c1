/**
 * Reads request bodies without any code of the product: text 0.0.4, JSON lines, remote write 1.0 and 2.0.
 *
 * @see snappy, format_description.txt; Protocol Buffers, "Encoding"
 */
export type ReceivedSample = readonly [id: string, value: number];

/** A request's samples, `series@time` and value, in their order. */
export function decodeBody(contentType: string, body: Buffer): ReceivedSample[] {
  if (contentType.startsWith("text/plain")) return decodeText(body.toString("utf8"));
  if (contentType.includes("ndjson")) return decodeJsonLines(body.toString("utf8"));
  const raw = unsnappy(body);
  return contentType.includes("io.prometheus.write.v2") ? decodeV2(raw) : decodeV1(raw);
}

function decodeText(text: string): ReceivedSample[] {
  return text.split("\n").flatMap((line): ReceivedSample[] => {
    if (line === "" || line.startsWith("#")) return [];
    const [series, value, atMs] = line.split(" ");
    return [[`${series}@${atMs}`, Number(value)]];
  });
}

function decodeJsonLines(text: string): ReceivedSample[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const { metric, labels, value, ts } = JSON.parse(line);
      return [`${seriesText({ ...labels, __name__: metric })}@${ts}`, Number(value)] as const;
    });
}

function seriesText(labels: Readonly<Record<string, string>>): string {
  const rest = Object.keys(labels).filter((name) => name !== "__name__");
  const list = rest.sort().map((name) => `${name}="${labels[name]}"`);
  return `${labels["__name__"]}${list.length === 0 ? "" : `{${list.join(",")}}`}`;
}

interface Field {
  readonly number: number;
  readonly integer: bigint;
  readonly bytes: Buffer;
}

function decodeV1(raw: Buffer): ReceivedSample[] {
  return fieldsOf(raw).flatMap(({ bytes: series }) => {
    const labels: Record<string, string> = {};
    for (const { number, bytes } of fieldsOf(series)) {
      if (number !== 1) continue;
      const [name, value] = fieldsOf(bytes);
      labels[name!.bytes.toString()] = value!.bytes.toString();
    }
    return samplesIn(series, seriesText(labels));
  });
}

function decodeV2(raw: Buffer): ReceivedSample[] {
  const symbols = fieldsOf(raw).flatMap(({ number, bytes }) => (number === 4 ? [bytes.toString()] : []));
  return fieldsOf(raw).flatMap(({ number, bytes: series }) => {
    if (number !== 5) return [];
    const labels: Record<string, string> = {};
    const refs = fieldsOf(series).find((field) => field.number === 1)!.bytes;
    const list: number[] = [];
    for (let at = 0; at < refs.length; ) {
      const [value, next] = varint(refs, at);
      list.push(Number(value));
      at = next;
    }
    for (let i = 0; i < list.length; i += 2) labels[symbols[list[i]!]!] = symbols[list[i + 1]!]!;
    return samplesIn(series, seriesText(labels));
  });
}

function samplesIn(series: Buffer, text: string): ReceivedSample[] {
  return fieldsOf(series).flatMap(({ number, bytes }): ReceivedSample[] => {
    if (number !== 2) return [];
    let value = 0;
    let atMs = 0n;
    for (const field of fieldsOf(bytes)) {
      if (field.number === 1) value = field.bytes.readDoubleLE();
      if (field.number === 2) atMs = BigInt.asIntN(64, field.integer);
    }
    return [[`${text}@${atMs}`, value]];
  });
}

function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag, next] = varint(bytes, at);
    at = next;
    let length = 0;
    let integer = 0n;
    if ((tag & 7n) === 0n) [integer, at] = varint(bytes, at);
    else if ((tag & 7n) === 1n) length = 8;
    else if ((tag & 7n) === 2n) {
      const [size, after] = varint(bytes, at);
      length = Number(size);
      at = after;
    } else throw new Error(`wire type ${tag & 7n}`);
    fields.push({ number: Number(tag >> 3n), integer, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return fields;
}

function varint(bytes: Buffer, from: number): [value: bigint, next: number] {
  let value = 0n;
  for (let at = from, shift = 0n; ; at++, shift += 7n) {
    const byte = bytes[at]!;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return [value, at + 1];
  }
}

function unsnappy(bytes: Buffer): Buffer {
  let [, at] = varint(bytes, 0);
  const out: number[] = [];
  const little = (size: number) => {
    const value = bytes.readUIntLE(at, size);
    at += size;
    return value;
  };
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    if ((tag & 3) === 0) {
      const short = tag >> 2;
      const length = (short < 60 ? short : little(short - 59)) + 1;
      for (const byte of bytes.subarray(at, at + length)) out.push(byte);
      at += length;
      continue;
    }
    const length = (tag & 3) === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const offset = (tag & 3) === 1 ? ((tag >> 5) << 8) | bytes[at++]! : little((tag & 3) === 2 ? 2 : 4);
    for (let i = 0; i < length; i++) out.push(out[out.length - offset]!);
  }
  return Buffer.from(out);
}
