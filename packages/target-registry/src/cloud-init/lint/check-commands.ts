import { isPinnedImage } from "../pinned.ts";
import { quote, type Report } from "./report.ts";
import { type ShellCommand, type ShellWord, shellCommands } from "./shell-commands.ts";

const FETCHES = /^(?:curl|wget|fetch)$/;
const INTERPRETS = /^(?:sh|bash|dash|ash|zsh|ksh|python[\d.]*|perl|ruby|node)$/;
const WRAPPERS = /^(?:sudo|env|nohup|time|exec|doas)$/;
const ENGINES = /^(?:docker|podman|nerdctl)$/;
/** Options of `run` and `create` that take no value; every other long one without `=` takes the next word. */
const SWITCHES =
  /^(?:-[dtiPq]+|--(?:detach|interactive|tty|rm|privileged|init|read-only|publish-all|quiet|no-healthcheck|oom-kill-disable|help|tls-verify|replace|all-tags|disable-content-trust))$/;
const SUBSTITUTED = /(?:\b(?:sh|bash|dash|eval|source)\b|^\.)[^\n|;]{0,80}?(?:\$\(|<\(|`)\s*(?:curl|wget)\b/m;
const LISTENS_EVERYWHERE = /^--?(?:web\.)?listen[-_](?:address|ip)=(?:0\.0\.0\.0|\[::\]|\*)?(?::\d+)?$/;

/** Checks a shell text; `at` gives the place of an offset in it. */
export function checkShell(text: string, at: (offset: number) => number, report: Report): void {
  const commands = shellCommands(text);
  const substituted = SUBSTITUTED.exec(text);
  if (substituted) report("pipe-to-shell", at(substituted.index), PIPE_ADVICE);
  const reaches = interpreted(commands);
  for (const [index, command] of commands.entries()) {
    const placed = { ...command, words: command.words.map((word) => ({ ...word, offset: at(word.offset) })) };
    for (const word of placed.words) {
      if (word.escapedSpace) reportSpace(word, report);
    }
    if (reaches[index] && FETCHES.test(programOf(command))) {
      report("pipe-to-shell", placed.words[0]!.offset, PIPE_ADVICE);
    }
    checkWords(placed.words, report);
  }
}

/** Checks one argument list as `runcmd` or a unit has it: no shell reads it, unless it is the program. */
export function checkArgv(
  argv: readonly { readonly text: string; readonly offset: number }[],
  report: Report,
): void {
  const words = argv.map((word) => ({ ...word, escapedSpace: false }));
  const script = scriptOf(words);
  for (const word of words) {
    if (word !== script && /^[ \t\r\n]/.test(word.text)) reportSpace(word, report);
  }
  if (script !== undefined) checkShell(script.text, () => script.offset, report);
  else checkWords(words, report);
}

const PIPE_ADVICE =
  "what the network answers goes straight into a shell: fetch it to a file, check its SHA-256, then run it, or use a package";

function reportSpace(word: ShellWord, report: Report): void {
  report(
    "argv-leading-space",
    word.offset,
    `the argument ${quote(word.text)} begins with a space, so the program does not take it for an option: give the command as a list, one argument an entry`,
  );
}

/** The text of `sh -c text`. */
function scriptOf(words: readonly ShellWord[]): ShellWord | undefined {
  const [program, ...rest] = unwrapped(words);
  if (program === undefined || !INTERPRETS.test(baseName(program.text))) return undefined;
  const flag = rest.findIndex(({ text }) => /^-[a-z]*c$/.test(text));
  return flag === -1 ? undefined : rest[flag + 1];
}

/** For each command, whether its output reaches an interpreter further down its pipe. */
function interpreted(commands: readonly ShellCommand[]): readonly boolean[] {
  const reaches: boolean[] = Array(commands.length).fill(false);
  for (let index = commands.length - 2; index >= 0; index--) {
    const next = commands[index + 1]!;
    reaches[index] = commands[index]!.piped && (INTERPRETS.test(programOf(next)) || reaches[index + 1]!);
  }
  return reaches;
}

function programOf(command: ShellCommand): string {
  return baseName(unwrapped(command.words)[0]?.text ?? "");
}

/** Without `sudo -E`, `env A=b` and the like in front. */
function unwrapped(words: readonly ShellWord[]): readonly ShellWord[] {
  let at = 0;
  while (at < words.length && /^[A-Za-z_]\w*=/.test(words[at]!.text)) at++;
  if (!WRAPPERS.test(baseName(words[at]?.text ?? ""))) return words.slice(at);
  at++;
  while (at < words.length && /^(?:-|[A-Za-z_]\w*=)/.test(words[at]!.text)) at++;
  return unwrapped(words.slice(at));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function checkWords(given: readonly ShellWord[], report: Report): void {
  for (const word of given) {
    if (LISTENS_EVERYWHERE.test(word.text.trim())) {
      report(
        "port-on-all-interfaces",
        word.offset,
        `${quote(word.text.trim())} listens on every interface: name the private address`,
      );
    }
  }
  const words = unwrapped(given);
  if (ENGINES.test(baseName(words[0]?.text ?? ""))) checkContainer(words.slice(1), report);
}

function checkContainer(words: readonly ShellWord[], report: Report): void {
  const from = words.findIndex(({ text }) => /^(?:run|create|pull)$/.test(text));
  if (from === -1 || from > 4) return;
  let hostNetwork = false;
  let at = from + 1;
  for (; at < words.length; at++) {
    // A folded line has left a space in front; what was meant is judged too.
    const text = words[at]!.text.trim();
    if (text === "") continue;
    if (!text.startsWith("-")) break;
    const [, name = text, inline] = /^(--[^=]+)=(.*)$/s.exec(text) ?? /^(-[pev])(.+)$/s.exec(text) ?? [];
    const place = words[at]!.offset;
    const value = inline ?? (SWITCHES.test(text) ? undefined : words[++at]?.text.trim());
    if (name === "--net" || name === "--network") hostNetwork ||= value === "host";
    if (
      name === "-P" ||
      name === "--publish-all" ||
      ((name === "-p" || name === "--publish") && isOpen(value ?? ""))
    ) {
      report(
        "port-on-all-interfaces",
        place,
        `${quote(`${name} ${value ?? ""}`.trim())} publishes on every interface, past the host's firewall: write <private address>:<port>:<port>`,
      );
    }
  }
  const image = words[at];
  if (image === undefined) return;
  const reference = image.text.trim();
  // What a variable holds can't be known here.
  if (!reference.includes("$") && !isPinnedImage(reference)) {
    report(
      "unpinned-image",
      image.offset,
      `${quote(reference)} can be another program tomorrow: write name@sha256:<digest>`,
    );
  }
  const listens = words.slice(at + 1).some(({ text }) => /listen[-_](?:address|ip)/.test(text));
  if (hostNetwork && !listens && /(?:node[-_]exporter|cadvisor)/.test(reference)) {
    report(
      "port-on-all-interfaces",
      image.offset,
      `${quote(reference)} in the host's network listens on every interface: add --web.listen-address=<private address>:<port>`,
    );
  }
}

/** `8080:8080`, `8080`, `0.0.0.0:8080:8080`, `[::]:…`; not `10.0.0.5:8080:8080` or `${ADDRESS}:8080:8080`. */
function isOpen(published: string): boolean {
  const value = published.replace(/\/(?:tcp|udp|sctp)$/, "");
  const host = /^(\[[^\]]*\]|[^:]*):[^:]*:[^:]*$/.exec(value)?.[1];
  return host === undefined ? /^[\d-]+(?::[\d-]+)?$/.test(value) : /^(?:|0\.0\.0\.0|\[::\]|\*)$/.test(host);
}
