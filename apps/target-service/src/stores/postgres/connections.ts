import pg from "pg";
import type { Row, SqlValue } from "../sql/engine.ts";

export interface ConnectionOptions {
  readonly url: string;
  readonly connectMs: number;
  readonly statementMs: number;
}

const INT8 = 20;
const NUMERIC = 1700;

/** Everything that the store keeps fits a number. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: "text" | "binary") =>
    oid === INT8 || oid === NUMERIC
      ? Number
      : pg.types.getTypeParser(oid, format as "text")) as pg.CustomTypesConfig["getTypeParser"],
};

export function clientConfig({ url, connectMs, statementMs }: ConnectionOptions): pg.ClientConfig {
  return {
    connectionString: url,
    types,
    application_name: "promferry-targets",
    keepAlive: true,
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    // A replica that was stopped inside a transaction must not hold the others up.
    idle_in_transaction_session_timeout: statementMs,
    // Where the server, or the way to it, no longer answers at all.
    query_timeout: statementMs + connectMs,
  };
}

/** @param setup Run on each new connection. */
export function createPool(options: ConnectionOptions, max: number, setup?: string): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfig(options),
    max,
    ...(setup === undefined
      ? {}
      : { onConnect: async (client: pg.ClientBase) => void (await client.query(setup)) }),
  });
  // An idle connection that dies is replaced at the next call, which hears of the server itself.
  pool.on("error", () => undefined);
  // One that dies in use fails its statement; unheard, the event would end the process.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

export async function queryRows(
  client: Pick<pg.ClientBase, "query">,
  text: string,
  parameters: readonly SqlValue[] = [],
): Promise<readonly Row[]> {
  const { rows } = await client.query<Record<string, unknown>>(text, parameters as unknown[]);
  return rows;
}
