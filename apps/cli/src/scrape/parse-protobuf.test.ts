import { createSeriesDictionary, formatNativeHistogram, isHistogram, valueAt } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { protobufPage } from "../../test/protobuf-page.ts";
import { type ParseProtobufOptions, parseProtobuf } from "./parse-protobuf.ts";
import { ProtobufError } from "./protobuf-reader.ts";

const AT = { seconds: 1_759_761_000, nanos: 250_999_999 };
const AT_MS = 1_759_761_000_250;
const label = [{ name: "a", value: "größe \u0000" }];
const exemplar = { label: [{ name: "trace_id", value: "x" }], value: 0.5, timestamp: AT };

function parse(bytes: Uint8Array, options: Partial<ParseProtobufOptions> = {}) {
  return parseProtobuf(bytes, { dictionary: createSeriesDictionary(), ...options });
}

/** Each family as its line and one for each sample, exemplars and start time behind it. */
function shown(bytes: Uint8Array): string[] {
  return parse(bytes).flatMap((family) => [
    `${family.name} ${family.type} ${family.help} ${family.unit}`.trim(),
    ...family.series.map(({ name, labels }, i) => {
      const value = valueAt(family, i);
      const text = isHistogram(value) ? formatNativeHistogram(value) : String(value);
      const own = labels.map((each) => `${each.name}=${each.value}`).join(",");
      const time = family.timestampsMs[i];
      const traces = (family.exemplars?.get(i) ?? []).map(
        (each) => ` # ${each.labels.map(({ value: id }) => id).join(",")} ${each.value} ${each.timestampMs}`,
      );
      const start = family.startsMs?.get(i);
      return `${name}{${own}} ${text}${Number.isNaN(time) ? "" : ` @${time}`}${traces.join("")}${start === undefined ? "" : ` since ${start}`}`;
    }),
  ]);
}

const spans = { positive_span: [{ offset: -1, length: 2 }], positive_delta: [3, -1] };

for (const { name, family, expected } of [
  {
    name: "a counter with exemplar and start time",
    family: {
      name: "c_total",
      help: "Counts.",
      type: 0,
      metric: [
        { label, counter: { value: 5, exemplar, created_timestamp: { seconds: 5 } } },
        { counter: { exemplar: { value: 1 } }, timestamp_ms: 12 },
      ],
    },
    expected: [
      "c_total counter Counts.",
      `c_total{a=größe \u0000} 5 # x 0.5 ${AT_MS} since 5000`,
      "c_total{} 0 @12 #  1 NaN",
    ],
  },
  {
    name: "a gauge, whose label is empty",
    family: {
      name: "größe.x_seconds",
      type: 1,
      unit: "seconds",
      metric: [{ label: [{ name: "b", value: "" }], gauge: { value: Number.NaN }, timestamp_ms: -5 }],
    },
    expected: ["größe.x_seconds gauge  seconds", "größe.x_seconds{} NaN @-5"],
  },
  {
    name: "an untyped metric",
    family: { name: "u", type: 3, metric: [{ untyped: { value: Infinity } }] },
    expected: ["u unknown", "u{} Infinity"],
  },
  {
    name: "a summary",
    family: {
      name: "s",
      type: 2,
      metric: [
        {
          label,
          summary: {
            sample_count: 7,
            sample_sum: 1.5,
            quantile: [
              { quantile: 0.5, value: 2 },
              { quantile: 1, value: Number.NaN },
            ],
            created_timestamp: { seconds: 5, nanos: 1_000_000 },
          },
        },
      ],
    },
    expected: [
      "s summary",
      "s_count{a=größe \u0000} 7 since 5001",
      "s_sum{a=größe \u0000} 1.5 since 5001",
      "s{a=größe \u0000,quantile=0.5} 2 since 5001",
      "s{a=größe \u0000,quantile=1.0} NaN since 5001",
    ],
  },
  {
    name: "a classic histogram without +Inf",
    family: {
      name: "h",
      type: 4,
      metric: [
        {
          histogram: {
            sample_count: 3,
            sample_sum: -2,
            bucket: [
              { cumulative_count: 1, upper_bound: 1 },
              { cumulative_count: 2, upper_bound: 1e6, exemplar },
            ],
          },
        },
      ],
    },
    expected: [
      "h histogram",
      "h_count{} 3",
      "h_sum{} -2",
      "h_bucket{le=1.0} 1",
      `h_bucket{le=1e+06} 2 # x 0.5 ${AT_MS}`,
      "h_bucket{le=+Inf} 3",
    ],
  },
  {
    name: "a classic gauge histogram of floats",
    family: {
      name: "h",
      type: 5,
      metric: [
        {
          histogram: {
            sample_count_float: 2.5,
            bucket: [{ cumulative_count_float: 2.5, upper_bound: Infinity }],
          },
        },
      ],
    },
    expected: ["h gaugehistogram", "h_count{} 2.5", "h_sum{} 0", "h_bucket{le=+Inf} 2.5"],
  },
  {
    name: "a native histogram beside its classic buckets, which are passed over",
    family: {
      name: "h",
      type: 4,
      metric: [
        {
          label,
          histogram: {
            sample_count: 7,
            sample_sum: 1.5,
            schema: -3,
            zero_threshold: 0.25,
            zero_count: 1,
            ...spans,
            negative_span: [{ offset: 4, length: 1 }],
            negative_delta: [1],
            bucket: [
              { cumulative_count: 5, upper_bound: 1, exemplar: { ...exemplar, value: 9 } },
              { cumulative_count: 7, upper_bound: Infinity, exemplar: { value: 8 } },
            ],
            created_timestamp: { seconds: 5 },
          },
        },
      ],
    },
    expected: [
      "h histogram",
      `h{a=größe \u0000} {"schema":-3,"count":7,"sum":1.5,"zero":[0.25,1],"positive":[[-1,3,2]],"negative":[[4,1]]} # x 9 ${AT_MS} since 5000`,
    ],
  },
  {
    name: "a native histogram's own exemplars, those with a time",
    family: {
      name: "h",
      type: 4,
      metric: [
        {
          histogram: {
            sample_count: 5,
            ...spans,
            exemplars: [exemplar, { value: 7 }, { ...exemplar, value: 3 }],
            bucket: [{ upper_bound: 1, exemplar: { ...exemplar, value: 9 } }],
          },
        },
      ],
    },
    expected: [
      "h histogram",
      `h{} {"schema":0,"count":5,"sum":0,"positive":[[-1,3,2]]} # x 0.5 ${AT_MS} # x 3 ${AT_MS}`,
    ],
  },
  {
    name: "a native gauge histogram of floats",
    family: {
      name: "h",
      type: 5,
      metric: [
        {
          histogram: {
            sample_count_float: 3,
            sample_sum: Number.NaN,
            zero_threshold: 1,
            zero_count_float: 0.5,
            positive_span: [{ offset: 0, length: 1 }],
            positive_count: [2.5],
          },
        },
      ],
    },
    expected: [
      "h gaugehistogram",
      'h{} {"schema":0,"count":3,"sum":"NaN","float":true,"zero":[1,0.5],"positive":[[0,2.5]],"reset":"gauge"}',
    ],
  },
  {
    name: "a native histogram without observations, told by its empty span",
    family: { name: "h", type: 4, metric: [{ histogram: { positive_span: [{ offset: 0, length: 0 }] } }] },
    expected: ["h histogram", 'h{} {"schema":0,"count":0,"sum":0,"positive":[[0]]}'],
  },
  { name: "no family without metrics", family: { name: "e", type: 0 }, expected: [] },
]) {
  test(`a page in protobuf gives ${name}`, () => {
    expect(shown(protobufPage(family))).toEqual(expected);
  });
}

test("numbers up to 2^53, packed lists and unknown fields are read", () => {
  // metric: histogram with sample_count 2^53 - 1, a span of one bucket, its delta packed, and fields 99 of each kind.
  const max = Buffer.from("ffffffffffffff0f", "hex");
  const zigzag = Buffer.from("feffffffffffff1f", "hex");
  const unknown = Buffer.from(
    "9806 05 9906 0000000000000000 9a06 01ff 9d06 00000000".replaceAll(" ", ""),
    "hex",
  );
  const part = (tag: number, content: Buffer) => Buffer.concat([Buffer.of(tag, content.length), content]);
  const histogram = Buffer.concat([
    Buffer.of(8),
    max,
    part(0x62, Buffer.of(8, 0, 16, 1)),
    part(0x6a, zigzag),
    unknown,
  ]);
  const metric = Buffer.concat([part(0x3a, histogram), unknown]);
  const family = Buffer.concat([
    part(0x0a, Buffer.from("h")),
    Buffer.of(0x18, 4),
    part(0x22, metric),
    unknown,
  ]);
  expect(shown(Buffer.concat([Buffer.of(family.length), family]))).toEqual([
    "h histogram",
    'h{} {"schema":0,"count":9007199254740991,"sum":0,"positive":[[0,9007199254740991]]}',
  ]);
});

const counter = { counter: { value: 1 } };
for (const { name, page, reason, options = {} } of [
  { name: "no protobuf", page: Buffer.from("# HELP a\na 1\n"), reason: "35 bytes should follow, and 12 do" },
  {
    name: "a message cut off",
    page: protobufPage({ name: "a", metric: [counter] }).subarray(0, -1),
    reason: "should follow",
  },
  {
    name: "a label beyond its metric",
    page: Buffer.from("0a 0a0161 2205 0a05 0a0161".replaceAll(" ", ""), "hex"),
    reason: "should follow",
  },
  {
    name: "a wire type that there is none of",
    page: Buffer.from("010b", "hex"),
    reason: "there is no wire type 3 here",
  },
  {
    name: "a field of number 0",
    page: Buffer.from("020000", "hex"),
    reason: "there is no field with the tag 0",
  },
  {
    name: "a number of eleven bytes",
    page: Buffer.from(`0c18${"ff".repeat(11)}`, "hex"),
    reason: "longer than ten bytes",
  },
  {
    name: "text that is no UTF-8",
    page: Buffer.from("04 0a02c328".replaceAll(" ", ""), "hex"),
    reason: "no UTF-8",
  },
  {
    name: "a family without a name",
    page: protobufPage({ metric: [counter] }),
    reason: "a family has no name",
  },
  {
    name: "an unknown type",
    page: Buffer.from("07 0a0161 1809 2200".replaceAll(" ", ""), "hex"),
    reason: '"a" has the unknown type 9',
  },
  {
    name: "a unit of another metric",
    page: protobufPage({ name: "aseconds", unit: "seconds", metric: [counter] }),
    reason: "is no unit of",
  },
  {
    name: "a label without a name",
    page: protobufPage({ name: "a", metric: [{ ...counter, label: [{ value: "x" }] }] }),
    reason: "a label has no name",
  },
  {
    name: "a label twice",
    page: protobufPage({ name: "a", metric: [{ ...counter, label: [...label, ...label] }] }),
    reason: 'the label "a" stands twice',
  },
  {
    name: "a bucket with le of its own",
    page: protobufPage({
      name: "h",
      type: 4,
      metric: [{ label: [{ name: "le", value: "1" }], histogram: {} }],
    }),
    reason: 'the label "le" stands twice',
  },
  {
    name: "a native histogram that does not add up",
    page: protobufPage({ name: "h", type: 4, metric: [{ histogram: { sample_count: 6, ...spans } }] }),
    reason: '"h" is a native histogram with 5 observations in buckets, of 6',
  },
  {
    name: "too many labels",
    page: protobufPage({
      name: "a",
      metric: [{ ...counter, label: Array.from({ length: 257 }, (_, i) => ({ name: `l${i}` })) }],
    }),
    reason: "more than 256 labels",
  },
  {
    name: "a name too long",
    page: protobufPage({ name: "a".repeat(4097), metric: [counter] }),
    reason: "4096 are the most",
  },
  {
    name: "a help text too long",
    page: protobufPage({ name: "a", help: "a".repeat(1024 * 1024 + 1), metric: [counter] }),
    reason: "1048576 are the most",
  },
  {
    name: "too many series",
    page: protobufPage({ name: "a", metric: [counter, counter, counter] }),
    options: { limits: { maxSeries: 2 } },
    reason: "more than 2 series",
  },
  {
    name: "too many classic buckets",
    page: protobufPage({ name: "a", type: 4, metric: [{ histogram: { bucket: [{ upper_bound: 1 }] } }] }),
    options: { limits: { maxSeries: 3 } },
    reason: "more than 3 series",
  },
  {
    name: "too many buckets",
    page: protobufPage({ name: "h", type: 4, metric: [{ histogram: { sample_count: 5, ...spans } }] }),
    options: { maxBuckets: 2 },
    reason: "more than 2 buckets",
  },
]) {
  test(`a page in protobuf is refused for ${name}`, () => {
    expect(() => parse(page, options)).toThrow(ProtobufError);
    expect(() => parse(page, options)).toThrow(reason);
    expect(() => parse(page, options)).toThrow(/^byte \d+: /);
  });
}

test("what a page makes of two bytes is bounded, too", () => {
  const many = (tag: number) => Buffer.alloc(2_000_000, Buffer.of(tag, 0));
  for (const [type, message, tag] of [
    [4, 0x3a, 0x1a], // buckets of a histogram
    [4, 0x3a, 0x82], // its exemplars, a field of two bytes
    [2, 0x22, 0x1a], // quantiles of a summary
  ] as const) {
    const content = tag === 0x82 ? Buffer.alloc(3_000_000, Buffer.of(0x82, 0x01, 0)) : many(tag);
    const metric = withLength(message, content);
    const family = Buffer.concat([Buffer.of(0x0a, 1, 0x61, 0x18, type), withLength(0x22, metric)]);
    const page = withLength(undefined, family);
    expect(() => parse(page, { limits: { maxSeries: 1000 } })).toThrow(
      "more than 1000 quantiles, buckets and exemplars",
    );
  }
});

function withLength(tag: number | undefined, content: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = content.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from(tag === undefined ? length : [tag, ...length]), content]);
}

test("any bytes are a page or a ProtobufError, soon", () => {
  const whole = protobufPage(
    { name: "c_total", type: 0, metric: [{ label, counter: { value: 5, exemplar } }] },
    { name: "h", type: 4, metric: [{ label, histogram: { sample_count: 5, ...spans } }] },
  );
  const mutated = fc
    .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, byte] of changes) bytes[at] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), mutated), (bytes) => {
      try {
        parse(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtobufError);
      }
    }),
    { numRuns: 2000 },
  );
});
