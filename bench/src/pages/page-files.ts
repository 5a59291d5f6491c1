import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeFrame } from "@promferry/core/journal";
import { highCardinalityPages } from "./high-cardinality.ts";
import { k1Day } from "./k1-day.ts";
import { nodeExporterPages } from "./node-exporter.ts";

/** Pages one behind the other in one file, their lengths in another. */
export interface PageFile {
  readonly name: "k1" | "hc" | "ne";
  readonly path: string;
  readonly lengthsPath: string;
  /** Whether the file is a day file of a journal, in a directory of its own. */
  readonly isDayFile: boolean;
}

/** Writes the pages of all cases below `dir`, always the same. */
export function writePageFiles(dir: string): readonly PageFile[] {
  return [
    write("k1", join(dir, "2025-10-06.prom"), true, k1Frames()),
    write("hc", join(dir, "hc.prom.pages"), false, highCardinalityPages()),
    write("ne", join(dir, "ne.prom.pages"), false, nodeExporterPages()),
  ];

  function write(
    name: PageFile["name"],
    path: string,
    isDayFile: boolean,
    pages: Iterable<Uint8Array>,
  ): PageFile {
    const file = openSync(path, "w");
    const lengths: number[] = [];
    for (const page of pages) {
      writeSync(file, page);
      lengths.push(page.length);
    }
    closeSync(file);
    const lengthsPath = join(dir, `${name}.lengths.json`);
    writeFileSync(lengthsPath, JSON.stringify(lengths));
    return { name, path, lengthsPath, isDayFile };
  }
}

function* k1Frames(): Generator<Uint8Array> {
  let seq = 0;
  for (const families of k1Day()) {
    const writtenMs = families[0]!.timestampsMs[0]!;
    const info = seq === 0 ? { startedMs: writtenMs, intervalMs: 300_000 } : undefined;
    yield encodeFrame(
      { writtenMs, session: "0badcafe", seq, kind: "full", origin: "app", consent: "config", exit: false },
      info,
      families,
    );
    seq++;
  }
}
