import type { EpochMs, MetricFamily } from "../series/series.ts";
import type { FileStat } from "./journal-fs.ts";

/**
 * What a frame says.
 *
 * - `start`: the session's info and no samples. Every series that the session shows later counts from zero.
 * - `full`: every series of the session.
 * - `changes`: what changed since frame `base`, in absolute values. A series that is not listed has its
 *   earlier value; none has gone.
 */
export type FrameKind = "start" | "full" | "changes";

/** `app`: a program's own metrics, under consent. `scrape`: a page that its user named. */
export type FrameOrigin = "app" | "scrape";

/**
 * How the program's user agreed: by the configuration, by a flag on this run, by `enable`, or, for
 * `origin=scrape`, by naming the page (`user`).
 */
export type ConsentGrant = "config" | "flag" | "enabled" | "user";

/** The first line of a frame. */
export interface FrameHeader {
  /** Session time: the session's start plus its monotonic clock. */
  readonly writtenMs: EpochMs;
  /** Eight lower-case hexadecimal digits, drawn anew for each session. */
  readonly session: string;
  /** Counts the session's frames from 0. A frame written again keeps its number. */
  readonly seq: number;
  readonly kind: FrameKind;
  readonly origin: FrameOrigin;
  readonly consent: ConsentGrant;
  /** The frame that a `changes` frame builds on. */
  readonly base?: number;
  /** Whether the session ended with this frame. */
  readonly exit: boolean;
}

/** How a gauge is combined. `latest`: the value written last. */
export type GaugeRule = "latest" | "sum" | "min" | "max" | "average" | "first" | "omit";

/** How a gauge's values combine: over sessions, and over series that fall together when a label is dropped. */
export interface GaugeMerge {
  /** Default `latest`. */
  readonly sessions?: GaugeRule;
  /** No default: without it, dropping a label of the gauge is refused. */
  readonly labels?: GaugeRule;
}

/**
 * What is constant for a session: the `# Session:` line, as one line of JSON. It stands in the
 * session's first two frames in each file, so that one damaged frame does not cost it, and again
 * where it has changed; the last one counts.
 */
export interface SessionInfo {
  readonly app?: string;
  readonly version?: string;
  readonly os?: string;
  readonly arch?: string;
  readonly startedMs: EpochMs;
  /** Time between two flushes; twice this after its last frame a session counts as ended. */
  readonly intervalMs: number;
  readonly runId?: string;
  readonly gitSha?: string;
  /** By family name; gauges without an entry take the defaults of {@link GaugeMerge}. */
  readonly gauges?: Readonly<Record<string, GaugeMerge>>;
  /** Digest of the catalogue that the write gate used: `catalog-<digest>.json` beside the day files. */
  readonly catalog?: string;
  /**
   * Every frame with the session's info is damaged: the times are assumed and nothing else is known. No
   * gate can tell what such a session may say, so `allowListBySession` of `@promferry/privacy` withholds
   * its series. Only readers set it.
   */
  readonly lost?: true;
}

/** One valid frame, read. */
export interface Frame {
  readonly header: FrameHeader;
  /** The session's info as of this frame, wherever it was written. */
  readonly info: SessionInfo;
  /** Every series of the session, those that a `changes` frame does not list carried forward to its time. */
  readonly families: readonly MetricFamily[];
  /**
   * Whether a frame is missing in between: then `families` has only what was listed since, and the rest is
   * unknown until the next full frame.
   */
  readonly partial?: boolean;
}

/** Where a valid frame lies. */
export interface FrameRef {
  readonly header: FrameHeader;
  readonly info: SessionInfo;
  /** File name inside the journal's directory. */
  readonly file: string;
  /** Of the `#` of `# Written`; in a compressed file, of the gzip member. */
  readonly offsetBytes: number;
  /** Up to and including the line feed of `# End`; in a compressed file, of the gzip member. */
  readonly lengthBytes: number;
  /** Samples that the frame lists. */
  readonly sampleCount: number;
  /** The frame that a `changes` frame builds on; absent where it is missing. */
  readonly base?: FrameRef;
  /** The file as it was before the frame was found valid. Absent: its checksum is made again at each read. */
  readonly validIn?: FileStat;
}
