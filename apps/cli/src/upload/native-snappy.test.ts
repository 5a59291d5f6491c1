import { openJournal } from "@promferry/core/journal";
import type { Series } from "@promferry/core/series";
import { createRemoteWrite, createSnappyCodec, type SnappyCodec } from "@promferry/remote-write";
import { upload } from "@promferry/uploader";
import { compressSync, uncompressSync } from "snappy";
import { expect, test } from "vitest";
import { writeAppSession } from "../../test/journal.ts";
import { homeWith, runCli, temporaryFolder } from "../../test/run-cli.ts";
import { serve } from "../../test/serve.ts";
import { loadNativeSnappy } from "./native-snappy.ts";

/** A receiver that keeps the bodies; `status` answers, 0 cuts the connection. */
async function serveBodies(status: () => number): Promise<{ url: string; bodies: Buffer[] }> {
  const bodies: Buffer[] = [];
  const origin = await serve(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    bodies.push(Buffer.concat(chunks));
    if (status() === 0) request.socket.destroy();
    else response.writeHead(status()).end();
  });
  return { url: `${origin}/api/v1/write`, bodies };
}

test("upload-metrics compresses with the native package where it is installed", async () => {
  const { url, bodies } = await serveBodies(() => 204);
  const { home } = homeWith(
    `app: k1\nmetrics: { dir: journal, destinations: [{ name: d, type: prometheus, url: "${url}" }] }\n`,
  );
  await writeAppSession(`${home}/journal`);
  expect((await runCli(["upload-metrics", "--config", "config.yaml"], { home })).exitCode).toBe(0);

  const message = uncompressSync(bodies[0]!) as Buffer;
  expect(message.includes("k1_views_total")).toBe(true);
  expect(bodies[0]).toEqual(compressSync(message));
  expect(bodies[0]).not.toEqual(Buffer.from(createSnappyCodec().compress(message)));
});

for (const [from, to] of [
  ["native", "built in"],
  ["built in", "native"],
]) {
  test(`a request whose answer was lost is sent again with the same content when the codec was ${from} and is ${to}`, async () => {
    let status = 0;
    const { url, bodies } = await serveBodies(() => status);
    const dir = temporaryFolder();
    await writeAppSession(dir);
    const codecs: Record<string, SnappyCodec> = {
      native: (await loadNativeSnappy())!,
      "built in": createSnappyCodec(),
    };
    const run = async (codec: string | undefined) => {
      const destination = createRemoteWrite({ name: "d", url, snappy: codecs[codec!]! });
      const project = ({ name, labels }: Series) => ({ name, labels });
      const targets = [{ destination, project }];
      const report = await upload({ journal: openJournal(dir), targets, timeoutMs: 1 });
      return report.destinations[0]!;
    };

    expect((await run(from)).failure).toBeDefined();
    status = 204;
    const { failure, accepted, resent } = await run(to);

    expect({ failure, accepted, resent }).toEqual({ failure: undefined, accepted: 3, resent: 3 });
    const first = bodies[0]!;
    const again = bodies.at(-1)!;
    expect(uncompressSync(again)).toEqual(uncompressSync(first));
    expect(again).not.toEqual(first);
  });
}
