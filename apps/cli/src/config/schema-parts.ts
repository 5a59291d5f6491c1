import { boundsProblem, FINDING_KINDS, type FindingKind, SCAN_ACTIONS } from "@promferry/privacy";
import { z } from "zod";
import { BYTE_SIZE_PATTERN, parseByteSize } from "./byte-size.ts";
import { DURATION_PATTERN, parseDuration } from "./duration.ts";

/** What a label of Prometheus' text format may be called. */
const LABEL_NAME_PATTERN = /^(?!__)[A-Za-z_][A-Za-z0-9_]*$/;

export const text = z.string({ error: "expected a text" });
export const flag = z.boolean({ error: "expected true or false" });

export const duration = text
  .regex(DURATION_PATTERN, { error: "expected a duration such as 30s, 5m or 1h30m", abort: true })
  .transform((value) => parseDuration(value) ?? 0)
  .meta({ examples: ["30s", "5m", "1h30m"] });

const DAY_MS = 86_400_000;

/** A divisor of a day from a second on, so that no step lies over the border of two days, or of two weeks. */
export const timeStep = duration.refine((ms) => ms >= 1000 && DAY_MS % ms === 0, {
  error: "expected a part of a day, from 1s to 1d, such as 1m, 15m, 1h or 6h",
});

/** For counts that leave coarser. */
export const coarseCount = z
  .int({ error: "expected a whole number" })
  .min(2, { error: "expected at least 2" });

export const byteSize = text
  .regex(BYTE_SIZE_PATTERN, { error: "expected a size such as 256MiB", abort: true })
  .transform((value) => parseByteSize(value) ?? 0)
  .meta({ examples: ["64MiB", "1GiB"] });

const labelName = text.regex(LABEL_NAME_PATTERN, {
  error: "expected a label name: letters, digits and _, not beginning with a digit or __",
});
export const labels = z.record(labelName, text);

export const command = z
  .union([z.string().min(1), z.array(z.string()).min(1)], {
    error: "expected a command: a text for the shell, or a list of program and arguments",
  })
  .describe("A text goes through the shell; a list runs without one.");

export const auth = z.strictObject({
  type: z
    .enum(["none", "basic", "bearer"], { error: "expected none, basic or bearer" })
    .optional()
    .describe("May be left out where the fields below say it."),
  username: text.optional(),
  password: text.optional().describe("Better a variable, password_file or password_cmd."),
  password_file: text.optional(),
  password_cmd: command.optional(),
  token: text.optional().describe("Better a variable, token_file or token_cmd."),
  token_file: text.optional(),
  token_cmd: command.optional(),
});

export const tls = z.strictObject({
  ca_file: text.optional().describe("PEM; replaces the system's certificate authorities."),
  cert_file: text.optional(),
  key_file: text.optional(),
});

const scanAction = z.enum(SCAN_ACTIONS, { error: `expected one of ${SCAN_ACTIONS.join(", ")}` });

/** By kind of finding what becomes of it, and what of the kinds that aren't named. */
export const scan = z.strictObject({
  default: scanAction.default("other").describe("For the kinds that are not named."),
  ...Object.fromEntries(FINDING_KINDS.map((kind) => [kind, scanAction.optional()])),
} as { default: z.ZodDefault<typeof scanAction> } & Record<FindingKind, z.ZodOptional<typeof scanAction>>);

const bound = z.number({ error: "expected a number" }).optional();

/** By a gauge's name, what its values are kept between. */
export const clamp = z.record(
  text.regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, {
    error: "expected a metric's name: letters, digits, _ and :",
  }),
  z
    .strictObject({ min: bound, max: bound }, { error: "expected a mapping with min, max or both" })
    .superRefine((bounds, { addIssue, issues }) => {
      const problem = issues.length > 0 ? undefined : boundsProblem(bounds);
      if (problem !== undefined) addIssue({ code: "custom", message: problem });
    }),
  { error: "expected a mapping of gauges" },
);

export const relabelRule = z.strictObject({
  source_labels: z.array(text, { error: "expected a list of label names" }).optional(),
  separator: text.optional(),
  regex: text.optional(),
  modulus: z.int({ error: "expected a whole number" }).min(1).optional(),
  target_label: text.optional(),
  replacement: text.optional(),
  action: text.optional().describe("Default replace."),
});
