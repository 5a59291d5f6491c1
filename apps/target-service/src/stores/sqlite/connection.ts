import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Row, SqlValue } from "../sql/engine.ts";

/** One connection: statements prepared once, values as the shared statements have them. */
export interface Connection {
  exec(text: string): void;
  all(text: string, parameters?: readonly SqlValue[]): readonly Row[];
  /** Rows changed. */
  run(text: string, parameters: readonly SqlValue[]): number;
  close(): void;
}

export function openConnection(file: string): Connection {
  // Waiting inside SQLite would stop the whole process, and whoever holds the lock in it.
  const database = new DatabaseSync(file, { timeout: 0 });
  database.exec("pragma synchronous = full");
  const statements = new Map<string, StatementSync>();

  return {
    exec: (text) => database.exec(text),
    all: (text, parameters = []) => prepare(text).all(...parameters.map(inputOf)) as readonly Row[],
    run: (text, parameters) => Number(prepare(text).run(...parameters.map(inputOf)).changes),
    close: () => {
      if (database.isOpen) database.close();
    },
  };

  function prepare(text: string): StatementSync {
    const known = statements.get(text);
    if (known !== undefined) return known;
    const statement = database.prepare(text.replaceAll(/\$(\d+)/g, "?$1"));
    statements.set(text, statement);
    return statement;
  }
}

function inputOf(value: SqlValue): SQLInputValue {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
}
