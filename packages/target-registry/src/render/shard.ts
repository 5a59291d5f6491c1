/**
 * Rendezvous sharding by instance id: each shard scores the id, the highest score has it.
 *
 * Going from n to n + 1 shards moves only what the new shard wins, one in n + 1; nothing moves between the others. All
 * endpoints of an instance are in one shard, whatever else changes about it. Pure and stable: the scores are part of
 * the contract, so that replicas and sidecars of different versions agree.
 */

/** One part of a list. */
export interface Shard {
  /** 0 to `count` - 1. */
  readonly index: number;
  /** 1 to 256. */
  readonly count: number;
}

const SHARD_LIMIT = 256;

/** The shard of an instance, 0 to `count` - 1. */
export function shardOf(instanceId: string, count: number): number {
  const hash = fnv1a(instanceId);
  let best = 0;
  let bestScore = -1;
  for (let shard = 0; shard < count; shard++) {
    const score = mix(hash ^ mix(Math.imul(shard + 1, 0x9e3779b1)));
    if (score > bestScore) {
      best = shard;
      bestScore = score;
    }
  }
  return best;
}

/** Reads `index/count`, `"0/4"`; undefined when it is no shard. */
export function parseShard(text: string): Shard | undefined {
  const [, index, count] = /^(\d{1,3})\/(\d{1,3})$/.exec(text) ?? [];
  if (index === undefined || count === undefined) return undefined;
  const shard = { index: Number(index), count: Number(count) };
  return shard.count <= SHARD_LIMIT && shard.index < shard.count ? shard : undefined;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Spreads every bit over all others (murmur3's last step). */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
