import { open } from "node:fs/promises";
import { type AppendFile, type JournalFs, nodeJournalFs } from "@promferry/core/journal";

/** The file system as the uploader uses it. */
export interface UploadFs extends JournalFs {
  /** Makes the file with mode 0600, and opens it for appending; fails with `EEXIST` where there is one. */
  openNew(path: string): Promise<AppendFile>;
}

/** The real file system. */
export const nodeUploadFs: UploadFs = {
  ...nodeJournalFs,
  async openNew(path) {
    // Made empty and exclusively; from then on it is a file like any other.
    await (await open(path, "ax", 0o600)).close();
    return nodeJournalFs.openAppend(path);
  },
};
