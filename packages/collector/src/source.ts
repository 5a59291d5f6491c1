import {
  type Catalogue,
  catalogueGaugeRules,
  collectRegistry,
  createGatherMemory,
  gatherRegistry,
  gaugeRules,
  type ReadableRegistry,
} from "@promferry/core";
import type { WriterInfo } from "@promferry/core/journal";
import { createSeriesDictionary, renewedDictionary, type SeriesDictionary } from "@promferry/core/series";
import type { Filter, FilteredFamilies, GaugeBounds } from "@promferry/privacy";
import {
  agreedOnly,
  allowList,
  clampGauges,
  composeFilters,
  createScanner,
  denyList,
  filterFamilies,
  ownNames,
  valueScan,
} from "@promferry/privacy/gate";

export interface SourceOptions {
  readonly registry: ReadableRegistry;
  readonly catalogue: Catalogue | undefined;
  /** What the user agreed to, where there is a record of it. */
  readonly agreed: Catalogue | undefined;
  /** Applied after the catalogues. Default: deny-list and value scan. */
  readonly filter: Filter | undefined;
  /** Applied last. */
  readonly cap: Filter;
  /** Applied to the values of gauges. */
  readonly clamp: GaugeBounds;
  /** What stays the same for the whole session. */
  readonly info: WriterInfo;
}

/** A registry behind the write gate. */
export interface Source {
  /** The session's info with the gauge rules as they are now. */
  info(): WriterInfo;
  /**
   * Waits for asynchronous `collect` functions, 5 s at the longest; then their metrics keep their values.
   *
   * @param isAwaited Whether the program waits for it as well: then the wait keeps the process alive.
   */
  collect(isAwaited: boolean): Promise<void>;
  /**
   * What may be written of the present values.
   *
   * @param collect Whether to call `collect` functions first; asynchronous ones are not waited for.
   */
  gather(collect: boolean): FilteredFamilies;
}

const COLLECT_TIMEOUT_MS = 5_000;
const GAUGE = { type: "gauge", help: "", unit: "" } as const;

export function createSource(options: SourceOptions): Source {
  const { registry, catalogue, agreed, filter = defaultFilter(), cap, clamp } = options;
  const allowed = catalogue === undefined ? [] : [allowList(catalogue)];
  const agreedTo = agreed === undefined ? [] : [agreedOnly(agreed)];
  const gate = composeFilters(...allowed, ...agreedTo, filter, cap, clampGauges(clamp), nameless);
  const memory = createGatherMemory();
  let passed: SeriesDictionary = createSeriesDictionary();
  const session = { startedMs: 0, ...options.info };
  // A name that must not be written must not be written here either.
  const isWritten = (name: string) =>
    !("withheld" in gate({ name, labels: [] }, { family: { ...GAUGE, name }, origin: "app", session }));
  const info = (): WriterInfo => {
    const rules = catalogue === undefined ? gaugeRules(registry) : catalogueGaugeRules(catalogue);
    const gauges = Object.fromEntries(Object.entries(rules).filter(([name]) => isWritten(name)));
    return Object.keys(gauges).length === 0 ? options.info : { ...options.info, gauges };
  };
  return {
    info,
    collect: (isAwaited) => waitFor(collectRegistry(registry), COLLECT_TIMEOUT_MS, isAwaited),
    gather(collect) {
      const families = gatherRegistry(registry, { memory, collect });
      const session = { startedMs: 0, ...info() };
      const kept = filterFamilies(families, gate, { origin: "app", session, dictionary: passed });
      // Where it begins anew, the next frame is a full one.
      passed = renewedDictionary(
        passed,
        kept.families.reduce((sum, { series }) => sum + series.length, 0),
      );
      return kept;
    },
  };
}

/** No frame has a place for it, and one such series must not cost the others. */
const nameless: Filter = (series) =>
  series.labels.some(({ name }) => name === "__name__") ? { withheld: "a label called __name__" } : series;

/** The second and the third net; the names of this machine are read now, and kept in no file. */
function defaultFilter(): Filter {
  return composeFilters(denyList(), valueScan({ scanner: createScanner({ ownNames: ownNames() }) }));
}

/** A wait that keeps nothing alive would end a program that awaits it, with Node's code 13. */
async function waitFor(work: Promise<void>, atMostMs: number, keepsAlive: boolean): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const passing = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, atMostMs);
    if (!keepsAlive) timer.unref();
  });
  try {
    await Promise.race([work, passing]);
  } finally {
    clearTimeout(timer);
  }
}
