/**
 * Uploads a journal by remote write: `upload-journal.mjs DIRECTORY URL [MAX_SAMPLES]`. A plain script on what is
 * published. Prints its own cost as JSON.
 */
import { openJournal } from "@promferry/core/journal";
import { createRemoteWrite } from "@promferry/remote-write";
import { upload } from "@promferry/uploader";
import { ownCost } from "./own-cost.mjs";

const [dir = "", url = "", maxSamples] = process.argv.slice(2);
const startedMs = performance.now();
const destination = createRemoteWrite({
  name: "null",
  url,
  ...(maxSamples === undefined ? {} : { limits: { maxSamples: Number(maxSamples) } }),
});
const { destinations } = await upload({
  journal: openJournal(dir),
  targets: [{ destination, project: ({ name, labels }) => ({ name, labels }) }],
});
console.log(
  JSON.stringify({
    samples: destinations[0]?.accepted,
    failure: destinations[0]?.failure,
    wallMs: performance.now() - startedMs,
    ...ownCost(),
  }),
);
