import { quote, type Report } from "./report.ts";

/** @see cloud-init 26.2, sources.DataSource._get_standardized_metadata; each also stands at the top without `v1.` */
const V1 = new Set([
  "_beta_keys",
  "availability_zone",
  "cloud_id",
  "cloud_name",
  "distro",
  "distro_release",
  "distro_version",
  "instance_id",
  "kernel_release",
  "local_hostname",
  "machine",
  "platform",
  "public_ssh_keys",
  "python_version",
  "region",
  "subplatform",
  "system_platform",
  "variant",
]);
/** What else an instance's data has at its top; what is in `ds` differs from cloud to cloud. */
const ROOTS = new Set([
  "v1",
  "ds",
  "userdata",
  "vendordata",
  "vendordata2",
  "merged_cfg",
  "merged_system_cfg",
  "combined_cloud_config",
  "sys_info",
  "system_info",
  "base64_encoded_keys",
  "sensitive_keys",
]);
const WORDS = new Set(
  "if elif else endif for endfor in not and or is set endset true false none True False None loop defined undefined range dict namespace do macro endmacro filter endfilter raw endraw with endwith recursive".split(
    " ",
  ),
);
const TAG = /\{\{([\s\S]{0,500}?)\}\}|\{%([\s\S]{0,500}?)%\}|\{#[\s\S]{0,500}?#\}/g;
const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;
/** A path that is no filter (`|`), no test (`is`), no attribute, no named argument, and no rest after a hyphen. */
const PATH =
  /(?<![\w.|-])(?<!\|\s{0,20})(?<!\bis (?:not )?)([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)(?!\w)(?!\s*=[^=])/g;

/** Reports variables that cloud-init does not define: it would leave `CI_MISSING_JINJA_VAR/…` in their place. */
export function checkVariables(text: string, report: Report): void {
  const own = new Set<string>();
  for (const [, , statement = ""] of text.matchAll(TAG)) {
    const named = /^-?\s*(?:for\s+([\w\s,]+?)\s+in\b|set\s+(\w+)|macro\s+(\w+))/.exec(statement);
    for (const name of (named?.[1] ?? named?.[2] ?? named?.[3] ?? "").split(/[\s,]+/)) own.add(name);
  }
  for (const tag of text.matchAll(TAG)) {
    // The hyphen that trims white space is no minus.
    const inside = (tag[1] ?? tag[2] ?? "")
      .replace(/^-/, " ")
      .replace(STRING, (string) => '"'.padEnd(string.length, " "));
    for (const [path, root = "", rest = ""] of inside.matchAll(PATH)) {
      if (WORDS.has(root) || own.has(root)) continue;
      const key = rest.split(".")[1];
      const known = root === "v1" ? key === undefined || V1.has(key) : ROOTS.has(root) || V1.has(root);
      if (known) continue;
      const offset = tag.index + 2 + inside.indexOf(path);
      report(
        "unknown-jinja-variable",
        offset,
        `cloud-init knows no ${quote(path)}; \`cloud-init query --list-keys\` lists what there is`,
      );
    }
  }
}

/** The template with every tag replaced by something of the same length that YAML can read. */
export function maskTemplate(text: string): string {
  return text.replace(TAG, (tag, expression: string | undefined, _statement, offset: number) => {
    if (expression !== undefined) return tag.replace(/[^\n]/g, "j");
    const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
    const blank = tag.replace(/[^\n]/g, " ");
    return text.slice(lineStart, offset).trim() === "" ? `#${blank.slice(1)}` : blank;
  });
}
