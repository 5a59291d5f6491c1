import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Catalogue, catalogueDigest, catalogueFromJson } from "@promferry/core/catalogue";

/**
 * The catalogue that a session names, from beside its day files; `undefined` where it is not there, can't
 * be read, or is not the one that the digest stands for.
 */
export function findCatalogue(dir: string, digest: string): Catalogue | undefined {
  if (!/^[0-9a-f]{8,64}$/.test(digest)) return undefined;
  try {
    const catalogue = catalogueFromJson(
      readFileSync(join(dir, `catalog-${digest.slice(0, 8)}.json`), "utf8"),
    );
    return catalogueDigest(catalogue).startsWith(digest) ? catalogue : undefined;
  } catch {
    return undefined;
  }
}
