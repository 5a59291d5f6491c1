import { gunzipSync } from "node:zlib";
import { isMap, isScalar, isSeq, type Node, parseDocument, type Scalar, visit, type YAMLMap } from "yaml";
import type { Family } from "../distribution.ts";
import { checkArgv, checkShell } from "./check-commands.ts";
import { checkSecrets } from "./check-secrets.ts";
import { familiesOf } from "./package-families.ts";
import { positions, quote, type Report } from "./report.ts";

const FOLDED = new Set(["PLAIN", "QUOTE_SINGLE", "BLOCK_FOLDED"]);
/** Most bytes of a compressed file that are looked into. */
const UNPACKED_LIMIT = 1024 * 1024;

/**
 * Checks a cloud-config as cloud-init's YAML 1.1 reader sees it.
 *
 * @param text YAML; a template's tags are masked already.
 * @param family Of the image; undefined: packages are not judged.
 */
export function checkCloudConfig(text: string, family: Family | undefined, report: Report): void {
  const document = parse(text);
  if (document === undefined) {
    report("yaml-syntax", 0, "nested too deeply to be read");
    return;
  }
  const [error] = document.errors;
  if (error !== undefined) {
    // Only the first: what comes after it is guesswork.
    const [offset] = error.pos;
    const start = text.lastIndexOf("\n", offset - 1) + 1;
    const tab = /^ *\t/.exec(text.slice(start));
    if (tab)
      report("tab-indentation", start + tab[0].length - 1, "YAML takes no tab for indentation: use spaces");
    else
      report("yaml-syntax", offset, error.message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, ""));
    return;
  }
  const root: unknown = document.contents;
  if (!isMap(root)) {
    report("yaml-syntax", 0, "expected a mapping of cloud-init's keys, such as packages: or runcmd:");
    return;
  }
  visit(document, {
    Scalar(_key, node) {
      checkFolding(text, node, report);
    },
    Pair(_key, { key, value }) {
      if (
        isScalar(key) &&
        key.value === "permissions" &&
        isScalar(value) &&
        typeof value.value === "number"
      ) {
        report(
          "unquoted-mode",
          offsetOf(value),
          `${quote(value.source ?? "")} is the number ${value.value} in YAML, and cloud-init wants text: quote it`,
        );
      }
    },
  });
  checkSecrets(text, report);
  for (const key of ["bootcmd", "runcmd"]) checkCommandList(text, root.get(key, true), report);
  checkFiles(text, root, report);
  if (family !== undefined) checkPackages(root.get("packages", true), family, report);
}

/** Undefined where the nesting is deeper than the reader's stack. */
function parse(text: string): ReturnType<typeof parseDocument> | undefined {
  try {
    return parseDocument(text, { version: "1.1", uniqueKeys: false, logLevel: "silent" });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function checkFolding(text: string, node: Scalar, report: Report): void {
  if (!FOLDED.has(node.type ?? "") || !node.range) return;
  const source = text.slice(node.range[0], node.range[1]);
  const backslash = /\\[ \t]*\r?\n/.exec(source);
  if (backslash) {
    report(
      "backslash-in-plain-scalar",
      node.range[0] + backslash.index,
      "YAML folds the line break to a space and keeps the backslash, so the next argument begins with a space: give the command as a list, or as a block scalar (|)",
    );
  }
}

function checkCommandList(text: string, list: unknown, report: Report): void {
  if (!isSeq(list)) return;
  for (const item of list.items) {
    if (isSeq(item)) {
      const argv = item.items
        .filter(isScalar)
        .map((node) => ({ text: String(node.value), offset: offsetOf(node) }));
      checkArgv(argv, report);
    } else if (isScalar(item) && typeof item.value === "string") {
      checkShell(item.value, locator(text, item), report);
    }
  }
}

/** Files that run: scripts, units, compose files; packed ones too. */
function checkFiles(text: string, root: YAMLMap, report: Report): void {
  const files: unknown = root.get("write_files", true);
  if (!isSeq(files)) return;
  for (const file of files.items) {
    if (!isMap(file)) continue;
    const node: unknown = file.get("content", true);
    if (!isScalar(node)) continue;
    const { content, packed } = unpack(node.value, String(file.get("encoding") ?? ""));
    const at = packed ? () => offsetOf(node) : locator(text, node);
    const path = String(file.get("path") ?? "");
    if (packed) checkSecrets(content, (code, _offset, message) => report(code, offsetOf(node), message));
    if (content.startsWith("#!")) checkShell(content, at, report);
    else if (/\.(?:service|conf)$/.test(path)) checkUnit(content, at, report);
    else if (/\.ya?ml$/.test(path)) checkCompose(content, at, report);
  }
}

function checkUnit(content: string, at: (offset: number) => number, report: Report): void {
  // A backslash at a line's end continues it here, and systemd's quoting is near enough to the shell's.
  for (const line of content.matchAll(/^Exec\w+=[-+!@:]*((?:[^\n\\]|\\\n|\\.)*)/gm)) {
    const start = line.index + line[0].length - line[1]!.length;
    checkShell(line[1]!, (offset) => at(start + offset), report);
  }
}

function checkCompose(content: string, at: (offset: number) => number, report: Report): void {
  for (const { 1: image = "", index, 0: line } of content.matchAll(/^[ \t]*image:[ \t]*["']?([^\s"'#]+)/gm)) {
    if (!/@sha256:[0-9a-f]{64}$/.test(image) && !image.includes("$")) {
      const message = `${quote(image)} can be another program tomorrow: write name@sha256:<digest>`;
      report("unpinned-image", at(index + line.lastIndexOf(image)), message);
    }
  }
}

function unpack(value: unknown, encoding: string): { content: string; packed: boolean } {
  const text = String(value ?? "");
  if (!/^(?:gz|gzip|gz\+b64|gz\+base64|gzip\+b64|gzip\+base64|b64|base64)$/.test(encoding)) {
    return { content: text, packed: false };
  }
  const bytes = Buffer.from(text, "base64");
  try {
    const plain = encoding.startsWith("gz") ? gunzipSync(bytes, { maxOutputLength: UNPACKED_LIMIT }) : bytes;
    return { content: plain.toString("utf8"), packed: true };
  } catch {
    return { content: "", packed: true };
  }
}

function checkPackages(list: unknown, family: Family, report: Report): void {
  if (!isSeq(list)) return;
  for (const item of list.items) {
    const node: unknown = isSeq(item) ? item.items[0] : item;
    if (!isScalar(node) || typeof node.value !== "string") continue;
    const families = familiesOf(node.value);
    if (families === undefined || families.includes(family)) continue;
    const where = families.length === 0 ? "no distribution's own repositories" : families.join(", ");
    report(
      "package-not-in-family",
      offsetOf(node),
      `${quote(node.value)} is a package of ${where}, not of ${family}`,
    );
  }
}

/** Place of an offset in a scalar's value: exact in a block, where every line stands as it is; else found by its text. */
function locator(text: string, node: Scalar): (offset: number) => number {
  const [start, end] = node.range!;
  const value = String(node.value);
  if (node.type === "BLOCK_LITERAL") {
    const first = text.indexOf("\n", start) + 1;
    const source = text.slice(first, end);
    const indent = /^(?:[ \t]*\n)*( *)/.exec(source)![1]!.length;
    const lineStarts = [0, ...Array.from(source.matchAll(/\n/g), ({ index }) => index + 1)];
    const position = positions(value);
    return (offset) => {
      const { line, column } = position(offset);
      return first + (lineStarts[line - 1] ?? 0) + indent + column - 1;
    };
  }
  // Folding changes white space only, so the n-th other character of the value is the n-th of the source.
  const solid = Array.from(text.slice(start, end).matchAll(/\S/g), ({ index }) => index);
  const before = new Uint32Array(value.length + 1);
  for (let at = 0; at < value.length; at++) before[at + 1] = before[at]! + (/\s/.test(value[at]!) ? 0 : 1);
  const quotes = node.type === "PLAIN" || node.type === "BLOCK_FOLDED" ? 0 : 1;
  return (offset) => start + (solid[(before[offset] ?? 0) + quotes] ?? 0);
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}
