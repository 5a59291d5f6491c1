/** Heartbeats over HTTP at a fixed rate, each answered after its batch was committed. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { fleetRecords, instanceIds } from "./fleet.ts";
import type { LoadOptions, LoadReport } from "./heartbeat-load.ts";
import { type StorePlace, startService } from "./service-process.ts";

const LOAD = fileURLToPath(new URL("heartbeat-load.ts", import.meta.url));
const INSTANCES = 100_000;
/** An agent keeps none open; a proxy in front of the service keeps some hundreds. */
const CONNECTIONS = 1_000;
const WARM_UP = 3;

export interface HeartbeatReport extends LoadReport {
  /** CPU time of the service for each second, all threads. */
  readonly serviceCores: number;
  /** Resident after it, with the fleet in the store. */
  readonly rssMb: number;
}

export async function measureHeartbeats(
  store: StorePlace,
  rate: number,
  seconds: number,
): Promise<HeartbeatReport> {
  const service = await startService({ store, records: fleetRecords(instanceIds(INSTANCES), Date.now()) });
  try {
    await service.costs();
    const load: LoadOptions = {
      ...{ host: service.host, port: service.port, instances: INSTANCES },
      ...{ connections: CONNECTIONS, rate, seconds, warmUp: WARM_UP },
    };
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--conditions=@promferry/source",
      LOAD,
      JSON.stringify(load),
    ]);
    const report = JSON.parse(stdout) as LoadReport;
    const { cpuMs, rssMb } = await service.costs();
    const beats = report.sent + WARM_UP * rate;
    return { ...report, rssMb, serviceCores: ((cpuMs / 1_000) * (report.sent / beats)) / report.seconds };
  } finally {
    await service.stop();
  }
}
