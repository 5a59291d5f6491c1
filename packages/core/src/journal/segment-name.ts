/**
 * Segments: how an agent cuts its journal, so that what is settled can go before the day is over.
 *
 * `2025-10-06.0001.prom`, `2025-10-06.0002.prom` and so on: numbers ascend inside a day and are not given
 * twice while a segment with a higher one is there. Where appends of several processes may overlap, the name also has
 * its writer's eight digits, `2025-10-06.0001-3f9c2a17.prom`.
 */

const SEGMENT =
  /^(\d{4}-\d{2}-\d{2})\.(\d{4,7})(?:-[0-9a-f]{8})?(?:\.(?:removing|repaired)-[0-9a-f]{8})*\.prom$/;

/** What a segment's name says. */
export interface SegmentPlace {
  /** `2025-10-06`: of the frame that it was begun for. */
  readonly day: string;
  /** From 1 on. */
  readonly number: number;
}

/** The place of a segment among the others, or undefined for a day file that is none. */
export function segmentPlace(name: string): SegmentPlace | undefined {
  const match = SEGMENT.exec(name);
  return match === null ? undefined : { day: match[1]!, number: Number(match[2]) };
}

/** @param owner Eight hexadecimal digits, where the name has to be its writer's alone. */
export function segmentName({ day, number }: SegmentPlace, owner?: string): string {
  const digits = String(number).padStart(4, "0");
  return `${day}.${digits}${owner === undefined ? "" : `-${owner}`}.prom`;
}

/** Oldest first. */
export function compareSegments(a: SegmentPlace, b: SegmentPlace): number {
  if (a.day !== b.day) return a.day < b.day ? -1 : 1;
  return a.number - b.number;
}

/** The names among these that are segments, oldest first. */
export function segmentsAmong(names: readonly string[]): string[] {
  const placed = names.flatMap((name) => {
    const place = segmentPlace(name);
    return place === undefined ? [] : [{ name, place }];
  });
  placed.sort((a, b) => compareSegments(a.place, b.place) || (a.name < b.name ? -1 : 1));
  return placed.map(({ name }) => name);
}
