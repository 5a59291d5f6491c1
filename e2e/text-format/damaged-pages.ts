/** Pages to be damaged at random, and the damage. */

import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { type ExpositionFormat, generatedPage } from "./generated-page.ts";

/** The next of an endless row of pages that a seed decides: made by a grammar or one of `wholes`, most of them damaged. */
export function nextPage(wholes: readonly string[], format: ExpositionFormat, random: () => number): Buffer {
  const page = random() < 0.5 ? generatedPage(format, random) : wholes[Math.floor(random() * wholes.length)]!;
  return random() < 0.2 ? Buffer.from(page) : damaged(page, random);
}

export const smallPages: readonly string[] = [
  '# HELP a_total Things \\\\ and \\n.\n# TYPE a_total counter\na_total{x="1",y="q\\"\\n"} 5 1759761000001\na_total{x="2"} 6\n',
  '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
  '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.9",a="b"} NaN\ns_sum 3\ns_count 2\n',
  'a 1\nb{} 2\n{"c",d="e"} 3 -5\n{f} 4\n',
  '# some comment\n\n#\n# TYPE g_ms gauge\n  g_ms\t{ aB = "b" , c="d" , } +1.5e-3\t 12\ng_ms -Inf\n',
  '# TYPE x gaugehistogram\nx_bucket{le="0.5"} 1.5\nx_gcount 1\nx_count 4\n# HELP y_minutes y\ny_minutes .5\n',
];

const pieces: readonly string[] = [
  ...'\n\r \t#{}"\\,=_10-+.e:\0é\xff',
  ...["inf", "NaN", "0x1", "1_0", "le", "quantile", "__name__", "_sum", "_count", "_bucket", "_total"],
  ...["# TYPE a gauge\n", "# HELP a x\n", "# TYPE h_count counter\n", "TYPE", "HELP", "counter", "untyped"],
  ...["\\n", "\\t", '\\"', "a 1\n", 'a_total{x="2"} 6\n', '"a.b"', '{"a"}', 'le="x"', "9223372036854775808"],
];

/** Parts of a node exporter's page, each from one family's HELP line on. */
export async function realPages(): Promise<string[]> {
  const page = await readFile(new URL("../../bench/src/pages/node-exporter.prom", import.meta.url), "utf8");
  const families = page.split(/^(?=# HELP )/m);
  const parts: string[] = [];
  for (let i = 0; i < families.length; i += 8) {
    const part = families.slice(i, i + 8).join("");
    if (part.length < 5000) parts.push(part);
  }
  return parts;
}

/** The page with one piece put in, cut out or doubled. */
function damaged(text: string, random: () => number): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const page = Buffer.from(text);
  const at = Math.floor(random() * (page.length + 1));
  const cut = pick([0, 0, 1, 1, 2, 5]);
  const kind = random();
  if (kind < 0.7) {
    const piece = Buffer.from(pick(pieces), pick(["latin1", "utf8"] as const));
    return Buffer.concat([page.subarray(0, at), piece, page.subarray(at + cut)]);
  }
  if (kind < 0.85) return Buffer.concat([page.subarray(0, at), page.subarray(at + 1)]);
  return Buffer.concat([page.subarray(0, at), page.subarray(at, at + 8), page.subarray(at)]);
}

/** Numbers in [0, 1) that are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x8000_0000;
  };
}
