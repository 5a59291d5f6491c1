import type { FindingCode } from "./lint/finding.ts";
import { lintUserData } from "./lint/lint-user-data.ts";
import { isMimeMessage, type MimePart, writeMultipart } from "./mime.ts";
import { partType } from "./part-type.ts";
import { UserDataError } from "./user-data-error.ts";
import { userText } from "./user-text.ts";

/**
 * Our user data and the user's own in one message: the user's part first and byte for byte, ours last.
 *
 * cloud-init merges cloud-configs by the rule in the *later* part, so ours, which carries `merge_how`, comes last: lists
 * are appended, the user's other values stay. Scripts, includes, boothooks, archives and templates pass through as
 * what they are; a multi-part message is nested whole.
 *
 * @param ours Text of `renderUserData`.
 * @param users As the user wrote it: text, gzip, or a MIME message. Empty: ours alone.
 * @throws {UserDataError} ERR_USER_DATA_PART where cloud-init would ignore the part or can't read it.
 */
export function mergeUserData(ours: string, users: Uint8Array | string): string {
  const own = userText(users);
  if (own.trim() === "") return ours;
  return writeMultipart([userPart(own), { type: partType(ours)!, filename: "promferry.cfg", content: ours }]);
}

/** Findings after which cloud-init would take nothing of the part. */
const UNREADABLE: ReadonlySet<FindingCode> = new Set(["missing-header", "tab-indentation", "yaml-syntax"]);

function userPart(content: string): MimePart {
  if (isMimeMessage(content)) return { type: "multipart/mixed", filename: "user-data", content };
  const type = partType(content);
  const findings = lintUserData(content).filter(({ code }) => UNREADABLE.has(code));
  if (type === undefined || findings.length > 0) {
    const [first] = findings;
    const where = first === undefined ? "" : `: ${first.line}:${first.column}: ${first.message}`;
    throw new UserDataError(
      "ERR_USER_DATA_PART",
      `the user's own part can't be merged, cloud-init would ignore it${where}`,
      findings,
    );
  }
  return { type, filename: "user-data", content };
}
