import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Catalogue, catalogueFileName, catalogueToJson } from "@promferry/core";
import type { JournalFs } from "@promferry/core/journal";

/** Puts a catalogue beside the day files, where whoever sends them finds what may leave. */
export interface CatalogueFile {
  /** As frames name the catalogue. */
  readonly digest: string;
  /** Resolves once the file is on the disk. Does nothing when it was before. */
  write(): Promise<void>;
  /** Without waiting for the disk. */
  writeSync(): void;
}

/** `catalog-<digest>.json` in a journal's directory, for its owner only. Nothing is touched before `write`. */
export function createCatalogueFile(dir: string, catalogue: Catalogue, fs: JournalFs): CatalogueFile {
  const name = catalogueFileName(catalogue);
  const path = join(dir, name);
  const bytes = Buffer.from(catalogueToJson(catalogue));
  let written = false;
  const spare = () => join(dir, `.${name}.${randomBytes(4).toString("hex")}`);
  return {
    digest: name.slice("catalog-".length, -".json".length),
    async write() {
      if (written) return;
      await fs.makeDirectory(dir);
      const known = await fs.stat(path).catch(() => undefined);
      if (known?.sizeBytes !== bytes.length) {
        const temporary = spare();
        try {
          const file = await fs.openAppend(temporary);
          try {
            checkWhole(await file.append(bytes), bytes.length, path);
            await file.sync();
          } finally {
            await file.close();
          }
          await fs.rename(temporary, path);
        } catch (error) {
          // Each flush on a full disk would leave one.
          await fs.unlink(temporary).catch(() => {});
          throw error;
        }
        await fs.syncDirectory(dir);
      }
      written = true;
    },
    writeSync() {
      if (written) return;
      fs.makeDirectorySync(dir);
      const temporary = spare();
      try {
        const file = fs.openAppendSync(temporary);
        try {
          checkWhole(file.append(bytes), bytes.length, path);
        } finally {
          file.close();
        }
        fs.renameSync(temporary, path);
      } catch (error) {
        try {
          fs.unlinkSync(temporary);
        } catch {
          // It was never made.
        }
        throw error;
      }
      written = true;
    },
  };
}

function checkWhole(written: number, wanted: number, path: string): void {
  if (written !== wanted)
    throw new Error(`cannot write ${path}: only ${written} of ${wanted} bytes were written`);
}
