import { CliError } from "../cli-error.ts";
import { isLoopbackHost } from "../config/check-url.ts";
import { EXIT } from "../exit-codes.ts";

/**
 * Host and port of `127.0.0.1:9099`, `[::1]:9099`, or `:9099` for all addresses.
 *
 * @param exposure Completes "… is open to other machines, and …", where that was not allowed.
 * @throws {CliError} Exit 2.
 */
export function listenAddress(
  text: string,
  { allowsRemote, exposure }: { readonly allowsRemote: boolean; readonly exposure: string },
): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new CliError(EXIT.usage, `--listen: expected host:port, got ${text}`, {
      hint: "such as 127.0.0.1:9099",
    });
  }
  const host = match[1] ?? (match[2] || "0.0.0.0");
  if (!allowsRemote && !isLoopbackHost(host.includes(":") ? `[${host}]` : host)) {
    throw new CliError(EXIT.usage, `${text} is open to other machines, and ${exposure}`, {
      hint: "listen on 127.0.0.1, or say --allow-remote where the network is yours alone",
    });
  }
  return { host, port };
}
