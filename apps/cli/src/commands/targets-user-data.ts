import { resolve } from "node:path";
import {
  type Distribution,
  type ExporterChoice,
  encodeUserData,
  lintUserData,
  mergeUserData,
  type Provider,
  renderImageBuildScript,
  renderUserData,
  UserDataError,
} from "@promferry/target-registry/cloud-init";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readInput, readNamedFile } from "../read-input.ts";
import type { ServiceOptions } from "../targets/service-client.ts";
import { writeSecretFile } from "../targets/write-output.ts";

interface UserDataOptions extends ServiceOptions {
  readonly os: Distribution | "any";
  readonly joinTokenFile?: string;
  readonly instanceId?: string;
  readonly address?: string;
  readonly interface?: string;
  readonly exporter: string;
  readonly exporterSha256?: string;
  readonly cadvisor?: string;
  readonly endpoint: readonly string[];
  readonly merge?: string;
  readonly provider: Provider;
  readonly prebuilt?: boolean;
  readonly imageScript?: boolean;
  readonly base64?: boolean;
  readonly output?: string;
}

/**
 * The user data with which an instance joins; talks to nobody. What it holds is a secret until the instance has joined,
 * so `--output` makes a file for its owner alone.
 */
export async function targetsUserData(context: Context, options: UserDataOptions): Promise<ExitCode> {
  try {
    return await (options.imageScript ? writeImageScript(context, options) : writeUserData(context, options));
  } catch (error) {
    if (!(error instanceof UserDataError)) throw error;
    const places = error.findings.map(({ line, column, message }) => `${line}:${column}: ${message}`);
    throw new CliError(EXIT.usage, error.message, {
      cause: error,
      ...(places.length > 0 ? { hint: places.join("\n") } : {}),
    });
  }
}

async function writeUserData(context: Context, options: UserDataOptions): Promise<ExitCode> {
  const { io, out } = context;
  const { os, provider, merge, output } = options;
  const serviceUrl = options.url ?? io.env["PROMFERRY_TARGETS_URL"] ?? (await context.settings()).targets.url;
  if (serviceUrl === undefined) {
    throw new CliError(EXIT.usage, "the target service's address is missing", {
      hint: "name it as instances reach it, --url https://targets.example:9180",
    });
  }
  const caPem = options.caFile && (await readNamedFile(io, options.caFile)).toString("utf8");
  const rendered = renderUserData({
    os,
    serviceUrl,
    joinToken: await readJoinToken(context, options.joinTokenFile),
    ...(caPem === undefined || caPem === "" ? {} : { caPem }),
    ...(options.instanceId === undefined ? {} : { instanceId: options.instanceId }),
    ...(options.address === undefined ? {} : { address: options.address }),
    ...(options.interface === undefined ? {} : { interface: options.interface }),
    exporter: exporterOf(options),
    ...(options.cadvisor === undefined ? {} : { cadvisor: { image: options.cadvisor } }),
    endpoints: options.endpoint.map(endpointOf),
    prebuilt: options.prebuilt ?? false,
  });
  const own = merge === undefined ? undefined : await readInput(io, merge);
  const text = own === undefined ? rendered.text : mergeUserData(rendered.text, own);
  const encoded = encodeUserData(text, provider);
  const lintOptions = { provider, ...(os === "any" ? {} : { os }) };
  const findings = own === undefined ? [] : lintUserData(own, lintOptions);

  const base64 = Buffer.from(encoded.bytes).toString("base64");
  if (output !== undefined) {
    await writeSecretFile(io, output, options.base64 ? `${base64}\n` : encoded.bytes);
  } else if (!out.isJson) {
    if (encoded.encoding === "gzip" && !options.base64) {
      throw new CliError(EXIT.usage, `compressed to fit ${provider}, and no text any more`, {
        hint: "say --base64, or --output FILE",
      });
    }
    await out.data(options.base64 ? `${base64}\n` : text);
  }
  if (!rendered.proven) out.note(`${os}: rendered by the same rules as Debian's, but never run`);
  if (!encoded.limitVerified) out.note(`${provider}: its limit is hearsay`);
  for (const { line, column, code, message } of findings) {
    out.note(`your own part, ${line}:${column}: ${code}: ${message}`);
  }
  out.json({
    ...(output === undefined ? { user_data_base64: base64 } : { file: resolve(io.cwd, output) }),
    encoding: encoded.encoding,
    bytes: encoded.bytes.length,
    base64_bytes: encoded.base64Bytes,
    limit_verified: encoded.limitVerified,
    proven: rendered.proven,
    findings,
  });
  return EXIT.ok;
}

async function writeImageScript({ io, out }: Context, options: UserDataOptions): Promise<ExitCode> {
  const { os, output, cadvisor } = options;
  if (os !== "debian" && os !== "ubuntu") {
    throw new CliError(EXIT.usage, `--image-script: ${os} has none`, { hint: "only --os debian and ubuntu" });
  }
  const script = renderImageBuildScript({
    os,
    exporter: exporterOf(options),
    ...(cadvisor === undefined ? {} : { cadvisor: { image: cadvisor } }),
  });
  if (output !== undefined) await writeSecretFile(io, output, script);
  else if (!out.isJson) await out.data(script);
  out.json(output === undefined ? { script } : { file: resolve(io.cwd, output) });
  return EXIT.ok;
}

async function readJoinToken({ io }: Context, file: string | undefined): Promise<string> {
  const given = io.env["PROMFERRY_JOIN_TOKEN"];
  if (file === undefined && !given) {
    throw new CliError(EXIT.usage, "the join token is missing", {
      hint: "`promferry targets join-token … | promferry targets user-data --join-token-file - …`",
    });
  }
  return (file === undefined ? given! : (await readInput(io, file)).toString("utf8")).trim();
}

function exporterOf({ exporter, exporterSha256 }: UserDataOptions): ExporterChoice {
  if (exporter === "package" || exporter === "none") return { kind: exporter };
  if (/^https:\/\//.test(exporter)) {
    return { kind: "binary", url: exporter, sha256: exporterSha256 ?? "" };
  }
  return { kind: "container", image: exporter };
}

function endpointOf(text: string): { name: string; port: number } {
  const [, name, port] = /^([a-z][a-z0-9_]*):(\d{1,5})$/.exec(text) ?? [];
  if (name === undefined) {
    throw new CliError(EXIT.usage, `--endpoint: expected name:port, got ${text}`, {
      hint: "such as app:8080",
    });
  }
  return { name, port: Number(port) };
}
