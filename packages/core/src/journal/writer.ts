/** The half of the journal that a program needs which only writes: a fifth of the modules to load. */
export { packedName } from "./day-file.ts";
export { LOW_DISK_BYTES, nodeJournalFs } from "./journal-fs.ts";
export { createJournalWriter } from "./journal-writer.ts";
