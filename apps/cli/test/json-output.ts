/**
 * What each command prints under `--json`: one line with one of these, or lines of it where the command says so. Every run of the tests is held to
 * it, and `docs/cli-output.schema.json` is made of it.
 */
import { z } from "zod";
import { EXIT } from "../src/exit-codes.ts";

const text = z.string();
const count = z.int().min(0);
const time = z.iso.datetime().describe("UTC, RFC 3339.");
const day = z.iso.date().describe("Name of a day file, local or UTC as day_boundary says.");
const exitCode = z.literal(Object.values(EXIT)).describe("As the process ends.");
const refusal = z.strictObject({ reason: text, count });
const frames = z.strictObject({ destination: text, frames: count });

const failure = z.strictObject({
  error: z.strictObject({
    code: text.describe("A code of ours or the system's."),
    exitCode,
    message: text,
    hint: text.optional().describe("What to do."),
  }),
});

const destination = z.strictObject({
  name: text,
  keepsHistory: z.boolean(),
  accepted: count.describe("Samples that the receiver took; in a dry run, that would be sent."),
  refused: z.array(refusal),
  unknown: count.describe("Samples of which nobody can say whether the receiver has them."),
  leftOut: z.array(refusal).describe("What the protocol can't carry; no failure."),
  withheld: z.array(z.looseObject({ reason: text })).describe("Samples that stay here, by reason."),
  withheldFrames: z.array(z.strictObject({ reason: text, frames: count })),
  resent: count,
  lateFrames: count,
  waitingFrames: count,
  unchosenFrames: count,
  requests: count,
  bytes: count.optional().describe("Of bodies; in a dry run."),
  files: z.array(
    z.strictObject({
      file: text,
      status: z.enum(["success", "partial", "failed"]).optional(),
      accepted: count,
      refused: count,
      unknown: count,
    }),
  ),
  notes: z.array(text),
  failure: z
    .strictObject({
      kind: z.enum([
        "unavailable",
        "overloaded",
        "credentials",
        "configuration",
        "local",
        "privacy",
        "aborted",
        "internal",
      ]),
      code: text.optional(),
      message: text,
      hint: text.optional(),
      inDoubt: z.boolean(),
    })
    .optional(),
});

const uploadReport = z.strictObject({
  dryRun: z.boolean(),
  destinations: z.array(destination),
  deleted: z.array(
    z.strictObject({
      day,
      cause: z.enum(["settled", "age", "size"]),
      files: z.array(text),
      lost: z.array(frames),
    }),
  ),
  kept: z.array(z.strictObject({ day, reason: text })),
  historyDropped: z.boolean(),
  bytesOver: count,
  compressed: z.array(text),
  damaged: count,
  heldFrames: count,
  unreadable: z.array(z.strictObject({ file: text, reason: text })),
  aborted: z.boolean(),
  exitCode,
});

const schedule = z.strictObject({
  kind: text,
  name: text,
  files: z.array(z.looseObject({ path: text, content: text })),
  activate: z.array(z.array(text)).describe("Commands that start it."),
  remove: z.array(z.unknown()).or(text),
  installed: z.boolean(),
  written: z.array(text),
});

const labels = z.record(text, text);

const preview = z.strictObject({
  written: z.array(text).optional().describe("With --write: paths of the requests."),
  destinations: z.array(
    destination.extend({
      series: z.array(
        z.strictObject({
          name: text,
          labels,
          samples: count,
          newest: z.strictObject({
            ts: z.number().describe("Milliseconds since the epoch."),
            value: z
              .number()
              .nullable()
              .or(z.looseObject({}))
              .describe("null: the end of the series, or no finite number; an object: a native histogram."),
          }),
        }),
      ),
    }),
  ),
});

const names = z.array(text);
const explained = z.strictObject({
  destinations: z.array(
    z.strictObject({
      destination: text,
      frames: count.describe("Frames that may leave, sent already or not."),
      framesStay: z.array(z.strictObject({ reason: text, frames: count })),
      metrics: z.array(
        z.strictObject({
          name: text,
          type: text,
          origin: z.enum(["app", "scrape"]),
          series: count,
          leaves: count.describe("Series that leave, those that merge counted once."),
          renamed: names.describe("Sample names under which they leave, where not their own."),
          labels: z.strictObject({ dropped: names, added: names, changed: names }),
          clamped: z
            .strictObject({ min: z.number().optional(), max: z.number().optional(), samples: count })
            .optional()
            .describe("What a gauge's values are kept between, and how many samples lie beyond."),
          helpChanged: z.boolean(),
          stays: z.array(z.strictObject({ reason: text, series: count })),
          merges: z.strictObject({ series: count, into: count, how: text }).optional(),
        }),
      ),
      capped: z
        .array(z.strictObject({ metric: text, label: text, max: count }))
        .describe("Labels of which only so many values leave, and all others as other."),
      coarseness: z
        .strictObject({
          roundCounts: count.optional(),
          minimumCount: count.optional(),
          timeStepMs: count.optional(),
        })
        .optional()
        .describe("How coarse a program's totals leave; absent: as they are."),
      belowMinimum: count.optional().describe("Series that stay since too little was counted so far."),
      blockedBy: text.optional().describe("What stops the upload; exit code 65."),
    }),
  ),
});

const damage = z.strictObject({
  file: text,
  offsetBytes: count,
  lengthBytes: count,
  reason: text,
  session: text.optional(),
  seq: count.optional(),
  recovered: z.boolean(),
});
const unsupported = z.strictObject({ file: text, offsetBytes: count, lengthBytes: count, unsupported: text });
const deletion = z.strictObject({ day, cause: text, from: time, due: z.boolean(), lost: z.array(frames) });
const content = {
  bytes: count,
  frames: count,
  sessions: count,
  samples: count,
  closed: z.boolean(),
  compressed: z.boolean(),
};
const said = {
  state: z.enum(["off", "local", "upload"]),
  reasons: z.array(text),
  sources: z.array(z.looseObject({})),
};

const status = z.strictObject({
  app: text,
  dir: text,
  config: z.strictObject({ file: text, found: z.boolean() }),
  collection: z.looseObject(said),
  identity: text,
  sampling: z
    .strictObject({
      rate: z.number(),
      week: text.describe("When this week began."),
      drawn: z.boolean().optional().describe("Absent before the first upload."),
    })
    .optional()
    .describe("Where metrics.sample_rate is below 1."),
  days: z.array(z.strictObject({ day, files: count, ...content })),
  files: z.array(
    z.strictObject({ name: text, ...content, error: text.optional(), uploads: z.record(text, text) }),
  ),
  destinations: z.array(
    z.strictObject({
      name: text,
      configured: z.boolean(),
      accepted: count,
      refused: count,
      unknown: count,
      lostFrames: count,
      newest: time.optional(),
      waitingFrames: count,
      lacks: z.array(z.strictObject({ day, frames: count })),
    }),
  ),
  disk: z.strictObject({ freeBytes: count.optional(), lowBelowBytes: count, low: z.boolean() }),
  retention: z.strictObject({
    bytes: count,
    maxBytes: count,
    oldestAtRisk: z.strictObject({ day, lacking: z.array(frames), deletion: deletion.optional() }).optional(),
    nextDeletion: deletion.optional(),
    unknown: text.optional(),
  }),
  heldFrames: count,
  damage: z.array(damage),
  unsupported: z.array(unsupported),
});

const verification = z.strictObject({
  dir: text,
  bytes: count,
  days: count,
  frames: count,
  samples: count,
  files: z.array(
    z.strictObject({
      name: text,
      day,
      compressed: z.boolean(),
      closed: z.boolean(),
      bytes: count,
      frames: count,
      pendingBytes: count.optional(),
      error: text.optional(),
    }),
  ),
  sessions: z.array(
    z.strictObject({
      session: text,
      origin: z.enum(["app", "scrape"]),
      app: text.optional(),
      version: text.optional(),
      frames: count,
      samples: count,
      firstSeq: count,
      lastSeq: count,
      first: time,
      last: time,
      ended: z.boolean(),
      gaps: z.array(z.tuple([count, count])),
    }),
  ),
  damage: z.array(
    z.strictObject({
      file: text,
      offset: count,
      length: count,
      reason: text,
      session: text.optional(),
      seq: count.optional(),
      outcome: z.enum(["recovered", "lost"]),
    }),
  ),
  unreadable: z.array(
    z.strictObject({ file: text, offset: count, session: text, seq: count, message: text }),
  ),
  held: z.array(z.strictObject({ file: text, session: text, seq: count, written: time })),
  unsupported: z.array(unsupported),
  clean: z.boolean(),
  repair: z.looseObject({}).optional(),
  exitCode,
});

const place = { line: z.int().min(1), column: z.int().min(1), message: text };
const pageFinding = z.strictObject({ ...place, metric: text.optional(), rule: text.optional() });
const lintFinding = z.strictObject({ ...place, code: text });

const instance = z.looseObject({
  id: text,
  project: text,
  service: text,
  state: text,
  endpoints: z.array(z.strictObject({ name: text, address: text, port: z.int() })),
  labels,
});

/** By command. A command that is not here prints the same under `--json`: it is data already. */
export const JSON_OUTPUT: Readonly<Record<string, z.ZodType>> = {
  failure: failure.describe(
    "Of every command that could not do its work; also on standard error, for people.",
  ),
  demo: z.strictObject({
    orders: z.record(text, count),
    ordersRead: z.record(text, count),
    page: z.strictObject({ samples: count, scrapes: count }),
    sent: z.array(z.strictObject({ name: text, accepted: count, requests: count })),
    received: z.strictObject({ samples: count, series: count }),
    durationMs: z.number(),
    dir: text.optional(),
  }),
  collect: z
    .strictObject({
      url: text,
      file: text,
      samples: count,
      leftOut: count,
      durationMs: z.number(),
      error: text.optional(),
    })
    .describe("One line for each scrape."),
  agent: z
    .union([
      z.strictObject({
        event: z.enum([
          "started",
          "problem",
          "recovered",
          "lost",
          "refused",
          "note",
          "reloaded",
          "reload-failed",
          "stopped",
        ]),
        message: text,
        destination: text.optional(),
        source: text.optional().describe("The page or the list that it is about."),
        hint: text.optional().describe("What to do."),
      }),
      z.strictObject({ name: text, content: text }).describe("With --print-unit."),
    ])
    .describe("One line for each thing that happens, at most 30 a minute."),
  import: z.strictObject({
    files: z.array(
      z.looseObject({ file: text, session: text, frames: count, samples: count, into: z.array(text) }),
    ),
    problems: z.array(z.unknown()),
    exitCode,
  }),
  "upload-metrics": z
    .union([uploadReport, schedule])
    .describe("A line for each upload; with --install-schedule, what would be or was installed."),
  preview,
  "privacy explain": explained,
  status,
  "check-metrics": z.strictObject({
    ok: z.boolean(),
    errors: z.array(pageFinding),
    warnings: z.array(pageFinding),
    cardinality: z
      .array(z.strictObject({ metric: text, series: count }))
      .optional()
      .describe("With --extended, the largest first."),
  }),
  receive: z.strictObject({ url: text, dir: text }).describe("Once, when it listens."),
  doctor: z.strictObject({
    ok: z.boolean(),
    exitCode,
    checks: z.array(
      z.strictObject({
        subject: text,
        name: text,
        state: z.enum(["ok", "warning", "failed", "unknown"]),
        detail: text,
        advice: text.optional(),
        exitCode: exitCode.optional(),
      }),
    ),
  }),
  enable: z.strictObject({
    dir: text,
    ...said,
    grant: text.optional(),
    decidedAt: time,
    since: time.optional(),
    catalogue: z.strictObject({ digest: text, metrics: z.array(text) }).optional(),
    exitCode,
  }),
  disable: z.strictObject({ dir: text, ...said, exitCode }),
  forget: z.looseObject({
    at: time,
    remote: z.array(z.looseObject({})),
    collection: z.strictObject({ state: said.state, reasons: said.reasons }),
    exitCode,
  }),
  catalog: z.strictObject({
    from: text,
    digest: text.optional(),
    notAgreedTo: z.array(z.unknown()),
    catalogue: z.unknown(),
  }),
  "journal verify": verification,
  "config check": z.strictObject({
    file: text,
    ok: z.boolean(),
    problems: z.array(
      z.strictObject({
        severity: z.enum(["error", "warning"]),
        ...place,
        path: text.describe("For example metrics.destinations[0].url."),
      }),
    ),
  }),
  "config explain": z.strictObject({
    file: text,
    found: z.boolean(),
    effective: z.array(z.strictObject({ name: text, value: text, from: text })),
    values: z.array(
      z.strictObject({
        path: text,
        value: text,
        from: z.union([z.literal("default"), z.strictObject({ line: z.int() })]),
        variables: z.record(text, z.enum(["set", "not set", "built in"])).optional(),
      }),
    ),
  }),
  "config init": z.strictObject({ file: text }),
  "targets user-data": z.union([
    z.strictObject({
      file: text.optional(),
      user_data_base64: text.optional(),
      encoding: text,
      bytes: count,
      base64_bytes: count,
      limit_verified: z.boolean(),
      proven: z.boolean(),
      findings: z.array(lintFinding),
    }),
    z.strictObject({ script: text }),
    z.strictObject({ file: text }),
  ]),
  "targets lint": z.strictObject({ ok: z.boolean(), findings: z.array(lintFinding) }),
  "targets join-token": z.looseObject({
    id: text,
    expires_at: text,
    token: text.optional(),
    file: text.optional(),
  }),
  "targets list": z.strictObject({ items: z.array(instance) }),
  "targets show": z.strictObject({
    instance,
    events: z.array(z.looseObject({ at: time, what: text, actor: text })),
  }),
  "targets drain": z.strictObject({ draining: text }),
  "targets remove": z.strictObject({ removed: z.array(text) }),
  "targets init": z.looseObject({ compared: z.boolean(), missing: count }),
  "targets sync": z.strictObject({ file: text, targets: count }).describe("One line for each file written."),
  "targets simulate": z.strictObject({
    joined: count,
    refused: z.record(text, count),
    join_ms: z.strictObject({ p50: z.number(), p99: z.number(), max: z.number() }),
    heartbeats: z.record(text, count),
    rebooted: count,
    died: count,
    cut_off: count,
    left: count,
  }),
};

/** The command's name in {@link JSON_OUTPUT}; `undefined` for one whose output has no form of its own. */
export function commandOf(argv: readonly string[]): string | undefined {
  const [first = "", second = ""] = argv.filter((word) => !word.startsWith("-"));
  return [`${first} ${second}`, first].find((name) => name in JSON_OUTPUT);
}

/** One document for editors and programs: a definition for each command. */
export function jsonOutputSchema(): object {
  const $defs = Object.fromEntries(
    Object.entries(JSON_OUTPUT).map(([name, schema]) => {
      const { $schema: _, ...definition } = z.toJSONSchema(schema, { unrepresentable: "any", io: "input" });
      return [name, definition];
    }),
  );
  return { $schema: "https://json-schema.org/draft/2020-12/schema", title: "promferry --json", $defs };
}
