import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ReceiverMemory } from "./receiver-memory.ts";

/** A receiver on loopback that takes what `children/upload.ts` sends. */
export interface ParentReceiver {
  readonly url: string;
  /** Most requests that were under way at once. */
  readonly mostAtOnce: number;
  close(): Promise<void>;
}

export async function startParentReceiver(memory: ReceiverMemory, delayMs = 0): Promise<ParentReceiver> {
  let underWay = 0;
  let mostAtOnce = 0;
  const server = createServer(async (message, response) => {
    mostAtOnce = Math.max(mostAtOnce, ++underWay);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of message) chunks.push(chunk as Buffer);
      // A sender that was killed in the midst of it has not sent it.
      if (!message.complete) return;
      memory.take(JSON.parse(Buffer.concat(chunks).toString("utf8")));
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      response.end();
    } catch {
      response.destroy();
    } finally {
      underWay--;
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    get mostAtOnce() {
      return mostAtOnce;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
