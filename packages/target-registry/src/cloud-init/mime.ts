import { createHash } from "node:crypto";

/** One part of user data, by the type that cloud-init gives it. */
export interface MimePart {
  /** For example `text/cloud-config`; a `multipart/…` part carries its own parts and headers in `content`. */
  readonly type: string;
  readonly filename: string;
  readonly content: string;
}

/** Sent as it is: ASCII lines that no mail rule would touch. */
const PLAIN = /^[\t\n\x20-\x7e]*$/;

/**
 * A MIME multi-part message in the given order. Each part arrives byte for byte; what is not plain ASCII goes in
 * base64. A part that is a whole message keeps its own headers. Same parts, same text.
 */
export function writeMultipart(parts: readonly MimePart[]): string {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  const boundary = `promferry-${digest.slice(0, 32)}`;
  const body = parts.map((part) => `--${boundary}\n${writePart(part)}\n`).join("");
  return `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n\n${body}--${boundary}--\n`;
}

function writePart({ type, filename, content }: MimePart): string {
  if (type.startsWith("multipart/")) return content;
  const plain = PLAIN.test(content);
  const headers = [
    `Content-Type: ${type}; charset="utf-8"`,
    "MIME-Version: 1.0",
    `Content-Transfer-Encoding: ${plain ? "7bit" : "base64"}`,
    `Content-Disposition: attachment; filename="${filename}"`,
  ];
  const encoded = Buffer.from(content, "utf8")
    .toString("base64")
    .replace(/.{76}(?=.)/g, "$&\n");
  return `${headers.join("\n")}\n\n${plain ? content : encoded}`;
}

/** A part as it stands in a message, with where its content begins. */
export interface FoundPart {
  readonly type: string;
  readonly content: string;
  /** Line of the content's first line in the whole message, from 1. */
  readonly line: number;
  /** Whether the content's lines are the message's: false after base64 or quoted-printable. */
  readonly literal: boolean;
}

const HEADER = /^([A-Za-z-]+):[ \t]*(.*)$/;

/** Whether cloud-init takes the text for a MIME message. @see cloud-init 26.2, user_data.convert_string */
export function isMimeMessage(text: string): boolean {
  return text.slice(0, 4096).toLowerCase().includes("mime-version:");
}

/** Parts of a message, nested ones in their place. What is not MIME is one part without a type. */
export function readMultipart(text: string, line = 1): readonly FoundPart[] {
  const lines = text.split("\n");
  const headers = new Map<string, string>();
  let at = 0;
  let last = "";
  for (; at < lines.length && lines[at]!.trimEnd() !== ""; at++) {
    const current = lines[at]!.trimEnd();
    const header = HEADER.exec(current);
    if (header) {
      last = header[1]!.toLowerCase();
      headers.set(last, header[2]!);
    } else if (/^[ \t]/.test(current) && last !== "") {
      headers.set(last, `${headers.get(last)} ${current.trim()}`);
    } else {
      break;
    }
  }
  const [type = "text/plain"] = (headers.get("content-type") ?? "text/plain").toLowerCase().split(";");
  const boundary = /boundary="?([^";]+)"?/i.exec(headers.get("content-type") ?? "")?.[1];
  const body = lines.slice(at + 1);
  if (boundary !== undefined && type.trim().startsWith("multipart/")) {
    return splitParts(body, boundary, line + at + 1);
  }
  const encoding = headers.get("content-transfer-encoding")?.trim().toLowerCase() ?? "7bit";
  return [
    {
      type: type.trim(),
      content: decode(body.join("\n"), encoding),
      line: line + at + 1,
      literal: encoding !== "base64" && encoding !== "quoted-printable",
    },
  ];
}

function splitParts(lines: readonly string[], boundary: string, line: number): readonly FoundPart[] {
  const found: FoundPart[] = [];
  let start: number | undefined;
  for (const [index, raw] of lines.entries()) {
    const text = raw.trimEnd();
    if (text !== `--${boundary}` && text !== `--${boundary}--`) continue;
    if (start !== undefined) {
      found.push(...readMultipart(lines.slice(start, index).join("\n"), line + start));
    }
    start = text.endsWith("--") && text !== `--${boundary}` ? undefined : index + 1;
    if (start === undefined) break;
  }
  if (start !== undefined) found.push(...readMultipart(lines.slice(start).join("\n"), line + start));
  return found;
}

function decode(body: string, encoding: string): string {
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8");
  if (encoding !== "quoted-printable") return body;
  const bytes = body
    .replace(/=\r?\n/g, "")
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
