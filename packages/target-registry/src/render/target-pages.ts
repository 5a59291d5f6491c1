/**
 * Served instances in memory, in the order of their ids, in pages of a few hundred.
 *
 * A page never changes: a change makes another page, so whatever was made of a page holds as long as the page does.
 */
import { type Instance, isServed } from "../model/instance.ts";
import { type ListedInstance, listedInstance } from "./listed-instance.ts";

/** At least one. The first id of a page is above every id of the page before. */
export type TargetPage = readonly ListedInstance[];

/** Instances in a page; one of more than twice as many is split. */
const SIZE = 256;

/**
 * The pages with `changed` in their places: put where they are served, taken away where they are not. Pages in which
 * nothing changes are the same ones.
 *
 * @param changed In any order, no id twice.
 */
export function changePages(
  pages: readonly TargetPage[],
  changed: readonly Instance[],
): readonly TargetPage[] {
  if (changed.length === 0) return pages;
  const news = [...changed].sort((a, b) => (a.id < b.id ? -1 : 1));
  const result: TargetPage[] = [];
  let next = 0;
  for (const [i, page] of (pages.length === 0 ? [[]] : pages).entries()) {
    const following = pages[i + 1]?.[0]?.id;
    const from = next;
    while (next < news.length && (following === undefined || news[next]!.id < following)) next++;
    if (from === next) result.push(page);
    else result.push(...split(merge(page, news.slice(from, next))));
  }
  return result;
}

function merge(page: TargetPage, news: readonly Instance[]): readonly ListedInstance[] {
  const merged: ListedInstance[] = [];
  let from = 0;
  for (const instance of news) {
    const to = firstNotBelow(page, instance.id, from);
    for (let i = from; i < to; i++) merged.push(page[i]!);
    from = page[to]?.id === instance.id ? to + 1 : to;
    if (isServed(instance)) merged.push(listedInstance(instance));
  }
  for (let i = from; i < page.length; i++) merged.push(page[i]!);
  return merged;
}

function firstNotBelow(page: TargetPage, id: string, from: number): number {
  let [low, high] = [from, page.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (page[middle]!.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

function split(merged: readonly ListedInstance[]): readonly TargetPage[] {
  if (merged.length === 0) return [];
  if (merged.length <= 2 * SIZE) return [merged];
  const count = Math.ceil(merged.length / SIZE);
  const size = Math.ceil(merged.length / count);
  return Array.from({ length: count }, (_, i) => merged.slice(i * size, (i + 1) * size));
}
