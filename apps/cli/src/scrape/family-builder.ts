import type { FamilyMetadata, MetricFamily, Series } from "@promferry/core/series";

/** Collects rows into families, one for each name, in the order in which the names came. */
export interface FamilyBuilder {
  /** The rows of the family named so; its metadata is that of the first call. */
  family(metadata: FamilyMetadata): FamilyRows;
  build(): readonly MetricFamily[];
}

export interface FamilyRows {
  /** What the family says of itself. */
  readonly metadata: FamilyMetadata;
  /** A row of our own, of the page's time; `null` is a stale marker. */
  add(series: Series, value: number | null): void;
  /** The row `from` of a page's family, with everything that belongs to it, under another series and time. */
  copy(series: Series, page: MetricFamily, from: number, timestampMs: number): void;
}

export function createFamilyBuilder(): FamilyBuilder {
  const byName = new Map<string, Draft>();
  return {
    family(metadata) {
      const known = byName.get(metadata.name);
      if (known) return known;
      const draft = new Draft(metadata);
      byName.set(metadata.name, draft);
      return draft;
    },
    build: () => Array.from(byName.values(), (draft) => draft.finish()),
  };
}

/** What stands beside some rows, such as exemplars. */
type RowValue<Column extends "special" | "exemplars" | "startsMs"> =
  NonNullable<MetricFamily[Column]> extends ReadonlyMap<number, infer Value> ? Value : never;

class Draft implements FamilyRows {
  readonly metadata: FamilyMetadata;
  readonly #series: Series[] = [];
  readonly #values: number[] = [];
  readonly #timestampsMs: number[] = [];
  readonly #special = new Map<number, RowValue<"special">>();
  readonly #exemplars = new Map<number, RowValue<"exemplars">>();
  readonly #startsMs = new Map<number, RowValue<"startsMs">>();

  constructor({ name, type, help, unit }: FamilyMetadata) {
    this.metadata = { name, type, help, unit };
  }

  add(series: Series, value: number | null): void {
    if (value === null) this.#special.set(this.#series.length, null);
    this.#push(series, value ?? Number.NaN, Number.NaN);
  }

  copy(series: Series, page: MetricFamily, from: number, timestampMs: number): void {
    copyEntry(page.special, from, this.#special, this.#series.length);
    copyEntry(page.exemplars, from, this.#exemplars, this.#series.length);
    copyEntry(page.startsMs, from, this.#startsMs, this.#series.length);
    this.#push(series, page.values[from]!, timestampMs);
  }

  finish(): MetricFamily {
    return {
      ...this.metadata,
      series: this.#series,
      values: this.#values,
      timestampsMs: this.#timestampsMs,
      ...(this.#special.size > 0 ? { special: this.#special } : {}),
      ...(this.#exemplars.size > 0 ? { exemplars: this.#exemplars } : {}),
      ...(this.#startsMs.size > 0 ? { startsMs: this.#startsMs } : {}),
    };
  }

  #push(series: Series, value: number, timestampMs: number): void {
    this.#series.push(series);
    this.#values.push(value);
    this.#timestampsMs.push(timestampMs);
  }
}

function copyEntry<T>(
  from: ReadonlyMap<number, T> | undefined,
  row: number,
  to: Map<number, T>,
  toRow: number,
): void {
  const entry = from?.get(row);
  if (entry !== undefined) to.set(toRow, entry);
}
