import { DISTRIBUTIONS, type Distribution } from "../distribution.ts";
import { isMimeMessage, readMultipart } from "../mime.ts";
import { partType } from "../part-type.ts";
import { brokenLimit, type Provider } from "../provider.ts";
import { userText } from "../user-text.ts";
import { checkCloudConfig } from "./check-cloud-config.ts";
import { checkShell } from "./check-commands.ts";
import { checkSecrets } from "./check-secrets.ts";
import type { Finding } from "./finding.ts";
import { checkVariables, maskTemplate } from "./jinja.ts";
import { positions, type Report } from "./report.ts";

export interface LintOptions {
  /** Distribution of the image. Default: packages are not judged. */
  readonly os?: Distribution;
  /** Whose size limit holds. Default: none. */
  readonly provider?: Provider;
}

/**
 * What will not work in user data, or is open to others, though cloud-init's own schema may find it valid.
 *
 * Takes cloud-config, templates, shell scripts, and MIME messages of them, plain or gzip; looks into packed files. A
 * finding is an error: none is a matter of taste. Not judged: what an include fetches, archives, part handlers.
 *
 * @returns In the order of lines and columns.
 * @throws {UserDataError} ERR_USER_DATA_PART where it is neither UTF-8 text nor gzip of it.
 */
export function lintUserData(data: Uint8Array | string, options: LintOptions = {}): readonly Finding[] {
  const text = userText(data);
  const findings: Finding[] = [];
  if (options.provider !== undefined) {
    const broken = brokenLimit(options.provider, Buffer.byteLength(data));
    if (broken !== undefined) {
      findings.push({ code: "over-limit", line: 1, column: 1, message: `user data is too large: ${broken}` });
    }
  }
  const parts = isMimeMessage(text)
    ? readMultipart(text)
    : [{ type: "text/plain", content: text, line: 1, literal: true }];
  for (const part of parts) {
    const position = positions(part.content);
    lintPart(part.type, part.content, options, (code, offset, message) => {
      const { line, column } = part.literal ? position(offset) : { line: 1, column: 1 };
      findings.push({ code, line: part.line + line - 1, column, message });
    });
  }
  return findings.sort((a, b) => a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : 1));
}

function lintPart(declared: string, text: string, options: LintOptions, report: Report): void {
  // @see cloud-init 26.2, user_data: these declared types are decided by the first line.
  const undecided =
    declared === "text/plain" || declared === "text/x-not-multipart" || declared === "text/x-shellscript";
  const type = undecided ? (partType(text) ?? declared) : declared;
  const family = options.os === undefined ? undefined : DISTRIBUTIONS[options.os].family;
  switch (type) {
    case "text/jinja2": {
      checkVariables(text, report);
      const masked = maskTemplate(text);
      const body = masked.replace(/^\s*##[^\n]*/, (line) => line.replace(/[^\n]/g, " "));
      // Both branches of a condition are there: their packages are not for one family.
      const judged = text.includes("{%") ? undefined : options.os;
      lintPart("text/plain", body, judged === undefined ? {} : { os: judged }, report);
      break;
    }
    case "text/cloud-config":
      checkCloudConfig(text, family, report);
      break;
    case "text/x-shellscript":
    case "text/x-shellscript-per-boot":
    case "text/x-shellscript-per-instance":
    case "text/x-shellscript-per-once":
    case "text/cloud-boothook":
      checkShell(text, (offset) => offset, report);
      checkSecrets(text, report);
      break;
    case "text/plain":
    case "text/x-not-multipart":
      if (text.trim() === "") break;
      report("missing-header", 0, missingHeader(text));
      if (looksLikeCloudConfig(text)) checkCloudConfig(text.replace(/^\ufeff/, " "), family, report);
      break;
    default:
      checkSecrets(text, report);
  }
}

function missingHeader(text: string): string {
  if (text.startsWith("\ufeff"))
    return "a byte order mark stands before the first line: cloud-init ignores all of it";
  return looksLikeCloudConfig(text)
    ? "cloud-init ignores this: the first line must be #cloud-config, without a space"
    : "cloud-init ignores this: the first line must say what it is, such as #cloud-config or #!/bin/sh";
}

function looksLikeCloudConfig(text: string): boolean {
  return /^(?:packages|runcmd|bootcmd|write_files|users|package_update|package_upgrade|hostname|ssh_authorized_keys):/m.test(
    text,
  );
}
