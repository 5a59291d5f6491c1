import { destinationKind, kindsOfKey } from "../config/destination-kind.ts";
import { type ExplainedValue, explainConfig, type KeySchema } from "../config/explain-config.ts";
import { configFile, invalidConfig, loadConfig, readConfigText } from "../config/load-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import { configJsonSchema } from "../config/schema.ts";
import { sessionFact } from "../config/variables.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

/** Each value that holds and where it came from: flag, environment, the file's line, or the default. */
export async function configExplain({ out, io, source }: Context): Promise<ExitCode> {
  const { file, explicit } = configFile(source);
  const text = (await readConfigText(file, explicit)) ?? "";
  const parsed = parseConfig(text);
  if (!parsed.config) throw invalidConfig(file, text, parsed);
  const settings = await loadConfig(source);
  const isBuiltIn = (name: string) => name === "USER_HASH" || sessionFact(name, settings.app) !== undefined;
  const { destinations } = parsed.config.metrics;
  const concerns = ({ path, from }: ExplainedValue) => {
    const [, i, key = ""] = /^metrics\.destinations\[(\d+)\]\.(\w+)$/.exec(path) ?? [];
    const type = destinations[Number(i)]?.type;
    return from !== "default" || !type || kindsOfKey(key)?.includes(destinationKind(type)) !== false;
  };
  const values = explainConfig(parsed, configJsonSchema() as KeySchema, io.env, isBuiltIn).filter(concerns);

  const fileFrom = source.configFlag
    ? "--config"
    : source.env["PROMFERRY_CONFIG"]
      ? "PROMFERRY_CONFIG"
      : "default";
  const dirFrom = source.dirFlag
    ? "--dir"
    : source.env["PROMFERRY_DIR"]
      ? "PROMFERRY_DIR"
      : parsed.config.metrics.dir === undefined
        ? "default"
        : "metrics.dir";
  const appFrom = parsed.config.app === undefined ? "metrics.dir" : "app";
  const effective = [
    { name: "configuration", value: settings.found ? file : `${file} (not there)`, from: fileFrom },
    { name: "journal", value: settings.dir, from: dirFrom },
    { name: "app", value: settings.app, from: appFrom },
  ];
  out.table(effective.map(({ name, value, from }) => [name, value, `from ${from}`]));
  out.line();
  const notes = (row: ExplainedValue) => [
    originOf(row),
    ...Object.entries(row.variables ?? {}).map(([name, state]) => `${name} is ${state}`),
  ];
  out.table(values.map((row) => [row.path, row.value, notes(row).join(", ")]));
  out.json({ file, found: settings.found, effective, values });
  return EXIT.ok;
}

function originOf({ from }: ExplainedValue): string {
  return from === "default" ? from : `line ${from.line}`;
}
