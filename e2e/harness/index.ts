export {
  type ProgramOptions,
  type ProgramResult,
  type RunningProgram,
  runCli,
  startCli,
  startProgram,
  startSource,
  workspaceRoot,
} from "./cli.ts";
export { cloudInitProgram, runCloudInitPython } from "./cloud-init.ts";
export {
  POSTGRES_PROGRAMS,
  type PostgresOptions,
  type RunningPostgres,
  startPostgres,
} from "./postgres.ts";
export {
  exportedSamples,
  type InstantResult,
  type Labels,
  query,
  queryRange,
  type StoredSample,
  type StoredSeries,
  samplesOf,
  series,
} from "./prometheus-query.ts";
export { runPromtool } from "./promtool.ts";
export {
  type Fault,
  type FaultPoint,
  type ProxiedRequest,
  type Proxy,
  type ProxyOptions,
  startProxy,
} from "./proxy.ts";
export { describeWithPrograms, requireProgram } from "./require-program.ts";
export { describeWithServers, requireServer, type ServerName } from "./require-server.ts";
export { freePort, type RunningServer } from "./server-process.ts";
export {
  type PrometheusOptions,
  type ServerOptions,
  startCaddy,
  startNodeExporter,
  startPrometheus,
  startPushgateway,
  startVictoriaMetrics,
  startVmagent,
  type VmagentOptions,
} from "./servers.ts";
export { atTerminal, type Terminal, type TerminalOptions } from "./terminal.ts";
