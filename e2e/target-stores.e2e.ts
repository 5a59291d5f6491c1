import { describeTargetStore } from "@promferry/target-registry/testing";
import { openPostgresStore } from "@promferry/target-service/stores";
import { afterAll, beforeAll } from "vitest";
import {
  describeWithPrograms,
  POSTGRES_PROGRAMS,
  type RunningPostgres,
  startPostgres,
  startProgram,
} from "./harness/index.ts";

describeWithPrograms([...POSTGRES_PROGRAMS, "psql"], "stores on a real PostgreSQL", () => {
  let server: RunningPostgres;
  let schemas = 0;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => server?.stop());

  /** A store's place of its own in the cluster. */
  async function newSchema(): Promise<string> {
    const schema = `s${++schemas}`;
    await sql(server.url, `create schema ${schema}`);
    return `${server.url}?options=${encodeURIComponent(`-c search_path=${schema}`)}`;
  }

  describeTargetStore("postgres", {
    handles: "many",
    create: async () => {
      const url = await newSchema();
      return { open: (options) => openPostgresStore({ ...options, url }) };
    },
  });
});

/** Runs statements beside the store, and gives what they print. */
async function sql(url: string, text: string): Promise<string> {
  const psql = await startProgram("psql", [url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text]);
  const { code, stdout, stderr } = await psql.done;
  if (code !== 0) throw new Error(`psql ended with ${code}\n${stderr}`);
  return stdout.trim();
}
