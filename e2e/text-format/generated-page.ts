/** Pages by a grammar: every type, spellings of numbers, labels with escapes, blanks where some reader allows them. */

export type ExpositionFormat = "prometheus" | "scrape" | "openmetrics";

type Random = () => number;

const names = ["a", "b_total", "http_requests", "x:y", "t_seconds", "z_ms", "B2", "n_info", "up_count"];
const labelNames = ["a", "b", "code", "path", "_x", "Zz"];
const labelValues = ["", "1", "x y", "é", "日本", '\\"', "\\\\", "\\n", "+Inf", "0.5", "a,b}", "#", "{", "="];
const numbers = [
  "0",
  "1",
  "-1",
  "2.5",
  "1e3",
  "1E-7",
  ".5",
  "5.",
  "+3",
  "NaN",
  "+Inf",
  "-Inf",
  "9007199254740993",
];
const helps = ["Some help.", "Two\\nlines", "back\\\\slash", "é", " x ", "", 'a "quote"'];

export function generatedPage(format: ExpositionFormat, random: Random): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const often = (share: number) => random() < share;
  const open = format === "openmetrics";
  let page = "";
  for (let families = 1 + Math.floor(random() * 4); families > 0; families--) page += family();
  return open ? `${page}# EOF\n` : page;

  function help(): string {
    const text = pick(helps);
    return open ? text.replaceAll('"', '\\"') : text;
  }

  function family(): string {
    const name = pick(names) + pick(["", "", "_x", String(Math.floor(random() * 30))]);
    const type = pick(["counter", "gauge", "histogram", "summary", open ? "unknown" : "untyped"]);
    let text = "";
    if (often(0.6)) text += `# HELP ${name}${open || often(0.9) ? ` ${help()}` : ""}\n`;
    if (often(0.8)) text += `# TYPE ${name} ${type}\n`;
    if (often(0.05)) text += pick(["\n", "# a comment\n", "#\n", "#x\n", "  # TYPE\n"]);
    const times = often(0.5) ? [""] : open ? [" 1.5", " 1.5", " 12"] : [" 1759761000000", " 0"];
    const sets = new Set(Array.from({ length: 1 + Math.floor(random() * 3) }, () => labels()));
    for (const set of sets) text += samples(name, type, set, times);
    return text;
  }

  function samples(name: string, type: string, set: string, times: readonly string[]): string {
    const line = (at: string, labelled: string, value: string) => sample(at, labelled, value, times);
    if (type === "histogram") {
      let text = "";
      let count = 0;
      for (const le of often(0.9) ? ["0.5", pick(["1", "1.0", "1e0"]), "+Inf"] : ["1", "0.5"]) {
        count += Math.floor(random() * 3);
        text += line(`${name}_bucket`, joined(set, `le="${le}"`), String(count));
      }
      return text + line(`${name}_sum`, set, pick(numbers)) + line(`${name}_count`, set, String(count));
    }
    if (type === "summary") {
      const quantile = line(name, joined(set, 'quantile="0.5"'), pick(["NaN", "0", "2.5", "1e3"]));
      return quantile + line(`${name}_sum`, set, "1.5") + line(`${name}_count`, set, "3");
    }
    const suffix = open && type === "counter" ? "_total" : "";
    return line(name + suffix, set, open && type === "counter" ? pick(["0", "1", "2.5"]) : pick(numbers));
  }

  function sample(name: string, set: string, value: string, times: readonly string[]): string {
    const odd = !open && often(0.1);
    const blank = odd ? pick(["  ", "\t", " \t "]) : " ";
    const braces = set === "" ? pick(["", "", "{}"]) : `{${set}${odd ? "," : ""}}`;
    const time = often(0.03) ? pick(["", " -5", " 3.25", " 1"]) : pick(times);
    const exemplar = open && often(/_total$|_bucket$/.test(name) ? 0.2 : 0.02) ? ' # {t="1"} 0.5' : "";
    return `${odd ? " " : ""}${name}${odd ? " " : ""}${braces}${blank}${value}${time}${exemplar}\n`;
  }

  function labels(): string {
    const own = new Set(Array.from({ length: Math.floor(random() * 4) }, () => pick(labelNames)));
    return [...own].map((label) => `${label}="${pick(labelValues)}"`).join(",");
  }

  function joined(set: string, label: string): string {
    return set === "" ? label : `${set},${label}`;
  }
}
