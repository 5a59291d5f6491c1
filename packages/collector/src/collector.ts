import { isatty } from "node:tty";
import type { Catalogue, ReadableRegistry } from "@promferry/core";
import type { DayBoundary, JournalFs, JournalWriter, WriteResult, WriterInfo } from "@promferry/core/journal";
import { createJournalWriter, LOW_DISK_BYTES, nodeJournalFs } from "@promferry/core/journal/writer";
import type { EpochMs, MetricFamily } from "@promferry/core/series";
import type {
  Addition,
  AskingPlace,
  ConsentSources,
  DirectoryConsent,
  Filter,
  GaugeBounds,
} from "@promferry/privacy";
import {
  clampGauges,
  consentIn,
  createLabelCap,
  disabledRecord,
  enabledRecord,
  isForgetting,
  noGauge,
  writeConsent,
} from "@promferry/privacy/gate";
import { type CatalogueFile, createCatalogueFile } from "./catalogue-file.ts";
import { countedFamilies } from "./counted-families.ts";
import { keepMaintained } from "./keep-maintained.ts";
import { LowDiskError } from "./low-disk-error.ts";
import { type ConsentQuestion, consentQuestion, notAgreedTo } from "./question.ts";
import { createSource, type Source } from "./source.ts";
import { createStanding, type Standing } from "./standing.ts";
import { watchExit } from "./watch-exit.ts";

/** What `defineMetrics` gives. */
export interface CataloguedMetrics {
  readonly registry: ReadableRegistry;
  readonly catalogue: Catalogue;
}

export interface CollectorOptions {
  /** A prom-client registry. Default: the one of `catalogue`. */
  readonly registry?: ReadableRegistry;
  /**
   * What `defineMetrics` gave, or its catalogue alone beside a `registry`. Then only what it names is
   * written. Without one, everything in the registry is.
   */
  readonly catalogue?: CataloguedMetrics | Catalogue;
  /** Where the day files go. Made with mode 0700 when something is written. */
  readonly dir: string;
  /** The program's name; `k1` obeys `K1_TELEMETRY`. */
  readonly app: string;
  readonly version?: string;
  readonly runId?: string;
  readonly gitSha?: string;
  /**
   * What the user said, apart from the environment and from `consent.json` in `dir`, which are asked as well.
   * Default: nothing.
   */
  readonly consent?: Omit<ConsentSources, "app" | "env" | "stored">;
  /** Default `process.env`. */
  readonly env?: ConsentSources["env"];
  /** Longest time between two frames, in milliseconds; each wait is up to a tenth shorter. Default 5 min. */
  readonly intervalMs?: number;
  /** Default `local`. */
  readonly dayBoundary?: DayBoundary;
  /** Applied to every series after the catalogue. Default: `denyList()`, then `valueScan` with this machine's names. */
  readonly filter?: Filter;
  /**
   * Different values of each label of a metric that are written in the collector's life, a whole number of at least 1;
   * further ones become `other`. A smaller number in the catalogue holds. Default 100.
   */
  readonly maxLabelValues?: number;
  /** By a gauge's name what its values are kept between: those beyond are written as the bound. Default: nothing. */
  readonly clamp?: GaugeBounds;
  /**
   * Looks after the folder: deletes and compresses what may go, as `maintainJournal` of `@promferry/uploader` does.
   * Called soon after the start and then daily, once a day for the folder whichever process it is. Whatever it keeps
   * open keeps the process alive; {@link inWorker} does it elsewhere. Default: nobody looks.
   */
  readonly maintain?: () => Promise<unknown>;
  /** Told of each failure, and when room gets scarce. What it throws is dropped. */
  readonly onError?: (error: Error) => void;
  readonly fs?: JournalFs;
  /** The wall clock. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** Default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** In [0, 1), for the waits. Default `Math.random`. */
  readonly random?: () => number;
  /** Runs something later, without keeping the process alive; what comes back calls it off. */
  readonly schedule?: (run: () => void, delayMs: number) => () => void;
}

export interface CollectorStatus {
  /** Of the frames; absent while nothing is collected. */
  readonly session?: string;
  /** Frames on the disk. */
  readonly written: number;
  /** Frames, and other files, that could not be written, and failures of `maintain`. */
  readonly failed: number;
  /** Frames that left less than 256 MiB free where the folder lies. `onError` is told of the first in a row. */
  readonly lowDisk: number;
  readonly lastError?: Error;
  /** Series that the gate kept back from the last frame, by reason. */
  readonly withheld: readonly { readonly reason: string; readonly series: number }[];
}

/** `upload`: collect, and send by what the user has set up. `local`: collect, and keep it. `off`: neither. */
export type ConsentAnswer = "upload" | "local" | "off";

export interface CollectorConsent extends DirectoryConsent {
  /** What the catalogue has and the user has not agreed to: withheld until then. */
  readonly notAgreedTo: readonly Addition[];
}

/** Keeps a program's own metrics in daily files. None of its functions throws or rejects. */
export interface Collector {
  /**
   * Whether anything may be collected, and why, as it stands now. A decision that changes while the program runs
   * is noticed at the next frame: a no ends the session without a further word, another yes begins a new one.
   */
  consent(): CollectorConsent;
  /**
   * What the program may ask its user now: at the first run, and when its catalogue has more than was agreed to.
   * Undefined where there is nothing to ask or nobody who could answer: without a terminal on both ends, in
   * continuous integration, where somebody said no. The program shows `text` and gives the answer to `decide`.
   *
   * @param place Default: this process's standard input and standard error, and the collector's `env`.
   */
  question(place?: Partial<AskingPlace>): ConsentQuestion | undefined;
  /**
   * Keeps the user's answer in `consent.json`, with its date and the catalogue: what `promferry enable`, `enable --local`
   * and `disable` do. Resolves to what holds then; where it could not be written, that is what held before.
   * What was counted before a yes is in no total.
   */
  decide(answer: ConsentAnswer): Promise<CollectorConsent>;
  /**
   * Begins: a start frame, a frame each interval, an exit frame when the process ends. Resolves when the
   * first frame is on the disk or has failed. Does nothing without consent, or when begun already. What was
   * counted before a consent that came after the first `start` is in no total.
   */
  start(): Promise<void>;
  /** Writes a frame now. Resolves when it is on the disk; undefined when it isn't. */
  flush(): Promise<WriteResult | undefined>;
  /**
   * Writes the exit frame and lets go of the process. May be started again, as another session, which begins
   * after the exit frame.
   */
  stop(): Promise<void>;
  status(): CollectorStatus;
}

const DEFAULT_INTERVAL_MS = 300_000;
/** The longest delay of Node's timers. */
const MAX_INTERVAL_MS = 2 ** 31 - 1;

/**
 * A collector for one registry. Make one for each: two on the same registry would count everything
 * twice. Before `start` it touches no timer or listener, and no file but for reading `consent.json`.
 *
 * @throws {TypeError} Neither `registry` nor a `catalogue` with one is given, or `clamp` names what is no gauge of it.
 * @throws {RangeError} `intervalMs` is no length of time, `maxLabelValues` no whole number of at least 1, or bounds are none.
 */
export function createCollector(options: CollectorOptions): Collector {
  const { dir, intervalMs = DEFAULT_INTERVAL_MS, fs = nodeJournalFs } = options;
  const { random = Math.random, schedule = scheduleUnref, now = Date.now, onError, maintain } = options;
  const { registry, catalogue } = sourceOf(options);
  if (!(intervalMs > 0 && intervalMs <= MAX_INTERVAL_MS)) {
    throw new RangeError(`intervalMs: expected 1 to ${MAX_INTERVAL_MS}, got ${intervalMs}`);
  }
  const { maxLabelValues: max, clamp = {} } = options;
  checkBounds(clamp, catalogue);
  const cap = createLabelCap({
    ...(max === undefined ? {} : { max }),
    ...(catalogue === undefined ? {} : { catalogueOf: () => catalogue }),
  });
  const { app, env = process.env, consent: said = {} } = options;
  const ask = () => consentIn(dir, { app, env, ...said });
  const report = (): CollectorConsent => {
    const consent = ask();
    return { ...consent, notAgreedTo: notAgreedTo(consent, catalogue) };
  };
  let run: Run | undefined;
  let stopping: Promise<void> | undefined;
  /** What was counted before cannot be told apart any more. */
  let hasBegun = false;
  let written = 0;
  let failed = 0;
  let lowDisk = 0;
  let isLow = false;
  let lastError: Error | undefined;
  let withheld: CollectorStatus["withheld"] = [];

  function fail(cause: unknown): undefined {
    failed++;
    lastError = cause instanceof Error ? cause : new Error(String(cause));
    tell(lastError);
  }

  function tell(error: Error): void {
    try {
      onError?.(error);
    } catch {
      // The host's own handler failed; there is nobody left to tell.
    }
  }

  async function checkRoom(): Promise<void> {
    const freeBytes = await fs.freeBytes?.(dir).catch(() => undefined);
    const wasLow = isLow;
    isLow = freeBytes !== undefined && freeBytes < LOW_DISK_BYTES;
    if (!isLow) return;
    lowDisk++;
    if (!wasLow) tell(new LowDiskError(dir, freeBytes!));
  }

  function createRun(standing: Standing, fromZero: boolean): Run {
    const catalogueFile = catalogue === undefined ? undefined : createCatalogueFile(dir, catalogue, fs);
    const info = fixedInfo(options, intervalMs, catalogueFile?.digest);
    const source = createSource({
      registry,
      catalogue,
      agreed: standing.agreed,
      filter: options.filter,
      cap: cap.filter,
      clamp,
      info,
    });
    const { dayBoundary, monotonicMs } = options;
    const writer = createJournalWriter({
      dir,
      origin: "app",
      consent: standing.grant,
      info: source.info(),
      fs,
      ...(dayBoundary === undefined ? {} : { dayBoundary }),
      now,
      ...(monotonicMs === undefined ? {} : { monotonicMs }),
    });
    const noop = () => undefined;
    const end = { ended: false, cancel: noop, endMaintenance: noop, unwatch: noop };
    return { standing, catalogueFile, source, writer, ...end, shape: createShape(fromZero) };
  }

  function familiesOf(current: Run, collect: boolean, exit: boolean): readonly MetricFamily[] {
    const passed = current.source.gather(collect);
    withheld = passed.withheld;
    return current.shape(passed.families, exit);
  }

  /** @param isAwaited Whether the program waits for the frame. */
  async function writeFull(current: Run, exit: boolean, isAwaited = true): Promise<WriteResult | undefined> {
    try {
      await current.source.collect(isAwaited);
      if (current.ended) return undefined;
      if (!current.standing.holds()) return await renew(current, exit, isAwaited);
      await current.catalogueFile?.write().catch(fail);
      if (current.ended) return undefined;
      if (exit) current.ended = true;
      const families = familiesOf(current, false, exit);
      const info = current.source.info();
      const result = wrote(current, await current.writer.write({ kind: "full", families, exit, info }));
      await checkRoom();
      return result;
    } catch (error) {
      return fail(error);
    }
  }

  function wrote(current: Run, result: WriteResult): WriteResult {
    written++;
    current.standing.wroteTo(result.file);
    return result;
  }

  /** The user has decided anew: this session is over, and without an exit frame, for nothing more of it is agreed to. */
  async function renew(current: Run, exit: boolean, isAwaited: boolean): Promise<WriteResult | undefined> {
    current.ended = true;
    current.cancel();
    current.endMaintenance();
    current.unwatch();
    if (run === current) run = undefined;
    await current.writer.close();
    return exit || run !== undefined ? undefined : begin(isAwaited);
  }

  function writeLast(current: Run): void {
    current.cancel();
    current.endMaintenance();
    if (!holdsNow(current)) return;
    try {
      current.catalogueFile?.writeSync();
    } catch (error) {
      fail(error);
    }
    try {
      const families = familiesOf(current, true, true);
      current.writer.writeSync({ kind: "full", families, exit: true, info: current.source.info() });
      written++;
    } catch (error) {
      fail(error);
    }
  }

  function holdsNow({ standing }: Run): boolean {
    try {
      return standing.holds();
    } catch (error) {
      fail(error);
      return false;
    }
  }

  function planNext(current: Run): void {
    const delayMs = Math.max(1, Math.floor(intervalMs * (1 - random() / 10)));
    current.cancel = schedule(() => {
      void writeFull(current, false, false).then(() => {
        if (run === current) planNext(current);
      });
    }, delayMs);
  }

  /** Begins a session where there is consent; only the first of a process can say that it counts from zero. */
  async function begin(isAwaited = true): Promise<WriteResult | undefined> {
    const isFirst = !hasBegun;
    hasBegun = true;
    const standing = createStanding({ dir, fs, ask });
    if (standing === undefined) return undefined;
    const current = createRun(standing, isFirst);
    run = current;
    current.unwatch = watchExit(() => writeLast(current));
    planNext(current);
    const result = await writeFirst(current, isFirst, isAwaited);
    if (maintain && run === current) {
      current.endMaintenance = keepMaintained({ dir, fs, now, random, schedule, maintain, fail });
    }
    return result;
  }

  async function writeFirst(
    current: Run,
    isFirst: boolean,
    isAwaited: boolean,
  ): Promise<WriteResult | undefined> {
    if (!isFirst) return writeFull(current, false, isAwaited);
    try {
      const info = current.source.info();
      wrote(current, await current.writer.write({ kind: "start", families: [], info }));
    } catch (error) {
      fail(error);
    }
    await current.catalogueFile?.write().catch(fail);
    return undefined;
  }

  async function finish(current: Run): Promise<void> {
    await writeFull(current, true);
    current.unwatch();
    await current.writer.close();
  }

  return {
    consent: report,
    question(place = {}) {
      const here = { inputIsTerminal: isatty(0), outputIsTerminal: isatty(2) };
      return consentQuestion({ app, dir, consent: ask(), catalogue, place: { env, ...here, ...place } });
    },
    async decide(answer) {
      const { stored: before } = ask();
      const decision = { nowMs: now(), by: `the program ${app}, which asked`, before };
      const config = said.config && { config: said.config };
      const local = answer === "local";
      if (answer === "off") await writeConsent(dir, disabledRecord(decision), fs).catch(fail);
      // Programs are not all type checked, and only these words are a yes.
      else if (answer !== "upload" && !local) {
        fail(
          new TypeError(`decide: expected "upload", "local" or "off", got ${String(answer).slice(0, 64)}`),
        );
      } else if (!isForgetting(before)) {
        // Counts of before the answer must not become counts of this session.
        hasBegun = true;
        const record = enabledRecord({ ...decision, agreed: catalogue, local, ...config });
        await writeConsent(dir, record, fs).catch(fail);
      }
      return report();
    },
    async start() {
      // What is counted until the old session's exit frame must not be in the new one's as well.
      if (stopping !== undefined) await stopping;
      if (run !== undefined) return;
      try {
        await begin();
      } catch (error) {
        fail(error);
      }
    },
    async flush() {
      return run === undefined ? undefined : writeFull(run, false);
    },
    async stop() {
      const current = run;
      if (current === undefined) return stopping;
      run = undefined;
      current.cancel();
      current.endMaintenance();
      stopping = finish(current);
      await stopping;
      stopping = undefined;
    },
    status() {
      return {
        ...(run === undefined ? {} : { session: run.writer.session }),
        written,
        failed,
        lowDisk,
        ...(lastError === undefined ? {} : { lastError }),
        withheld,
      };
    },
  };
}

/** One session, or several in a row where the clock was moved. */
interface Run {
  readonly standing: Standing;
  readonly catalogueFile: CatalogueFile | undefined;
  readonly source: Source;
  readonly writer: JournalWriter;
  /** Whether the exit frame is on its way, or there will be none. */
  ended: boolean;
  /** Calls the next frame off. */
  cancel: () => void;
  endMaintenance: () => void;
  unwatch: () => void;
  /** What of the families a frame lists. */
  readonly shape: Shape;
}

type Shape = (families: readonly MetricFamily[], exit: boolean) => readonly MetricFamily[];

function createShape(fromZero: boolean): Shape {
  let onlyStarted = fromZero;
  return (families, exit) => {
    const shaped = exit && onlyStarted ? countedFamilies(families) : families;
    onlyStarted = false;
    return shaped;
  };
}

function sourceOf({ registry, catalogue }: CollectorOptions): {
  registry: ReadableRegistry;
  catalogue: Catalogue | undefined;
} {
  const metrics = catalogue !== undefined && "catalogue" in catalogue ? catalogue : undefined;
  const source = registry ?? metrics?.registry;
  if (source === undefined) {
    throw new TypeError("createCollector: expected a registry, or a catalogue that defineMetrics gave");
  }
  const plain = catalogue !== undefined && !("catalogue" in catalogue) ? catalogue : undefined;
  return { registry: source, catalogue: metrics?.catalogue ?? plain };
}

function checkBounds(clamp: GaugeBounds, catalogue: Catalogue | undefined): void {
  clampGauges(clamp);
  for (const name of catalogue ? Object.keys(clamp) : []) {
    const problem = noGauge(name, catalogue!);
    if (problem) throw new TypeError(`createCollector: clamp names ${name}, but ${problem}`);
  }
}

function fixedInfo(options: CollectorOptions, intervalMs: number, catalog: string | undefined): WriterInfo {
  const { app, version, runId, gitSha } = options;
  return {
    app,
    ...(version === undefined ? {} : { version }),
    os: process.platform,
    arch: process.arch,
    intervalMs,
    ...(runId === undefined ? {} : { runId }),
    ...(gitSha === undefined ? {} : { gitSha }),
    ...(catalog === undefined ? {} : { catalog }),
  };
}

function scheduleUnref(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
