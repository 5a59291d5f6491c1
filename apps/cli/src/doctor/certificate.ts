import { isIP } from "node:net";
import { connect } from "node:tls";
import type { Check, Checker } from "./check.ts";

const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

/**
 * When the server's certificate ends; `undefined` for plain http, and where no direct connection can be made (a proxy stands between). Whether the
 * certificate is trusted is the request's to say.
 */
export async function certificateCheck(
  { ok, warning, failed }: Checker,
  address: string,
  nowMs: number,
): Promise<Check | undefined> {
  const url = new URL(address);
  if (url.protocol !== "https:") return undefined;
  const endMs = await certificateEnd(url);
  if (endMs === undefined) return undefined;
  const date = new Date(endMs).toISOString().slice(0, 10);
  const days = Math.floor((endMs - nowMs) / DAY_MS);
  if (days < 0) return failed("certificate", `ended on ${date}`, "on the server: renew it", 69);
  if (days < SOON_DAYS)
    return warning("certificate", `ends on ${date}, in ${days} days`, "on the server: renew it");
  return ok("certificate", `good until ${date}`);
}

function certificateEnd(url: URL): Promise<number | undefined> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    // Only looked at, and nothing is sent: the request itself refuses what is not trusted.
    const socket = connect({
      host,
      port: Number(url.port) || 443,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
      timeout: 5_000,
    });
    const end = (value?: number) => {
      socket.destroy();
      resolve(value);
    };
    socket.once("secureConnect", () => {
      const endMs = Date.parse(socket.getPeerCertificate().valid_to ?? "");
      end(Number.isNaN(endMs) ? undefined : endMs);
    });
    socket.once("error", () => end());
    socket.once("timeout", () => end());
  });
}
