/** A thousand machines that boot at once: a connection and a token each. */
import { joiners, tokenRecords } from "./fleet.ts";
import { openConnection, requestText } from "./http-connection.ts";
import { type StorePlace, startService } from "./service-process.ts";

const MACHINES = 1_000;

export interface BurstReport {
  readonly seconds: number;
  readonly statuses: Readonly<Record<string, number>>;
}

export async function measureBurst(store: StorePlace): Promise<BurstReport> {
  const all = joiners(MACHINES, 0, Date.now());
  const service = await startService({ store, records: tokenRecords(all) });
  try {
    const statuses: Record<string, number> = {};
    const began = performance.now();
    await Promise.all(
      all.map(async ({ body }) => {
        const connection = await openConnection(service.host, service.port);
        const text = requestText("POST /v1/join", { "content-type": "application/json" }, body);
        const { status } = await connection.send(text);
        statuses[status] = (statuses[status] ?? 0) + 1;
        connection.close();
      }),
    );
    return { seconds: (performance.now() - began) / 1_000, statuses };
  } finally {
    await service.stop();
  }
}
