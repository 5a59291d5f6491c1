import { gzipSync } from "node:zlib";
import { AGENT_UNITS } from "./agent-units.ts";
import { DISTRIBUTIONS, type Distribution, type DistributionFacts } from "./distribution.ts";
import { endpointsOf, type InstancePlan, planInstance } from "./instance-plan.ts";
import { type InstanceFile, PATHS } from "./paths.ts";
import { checkOptions, type UserDataOptions } from "./user-data-options.ts";

/** User data of our own, as text. */
export interface RenderedUserData {
  /** A cloud-config; a template where the instance has to fill something in. */
  readonly text: string;
  /** Whether this distribution's rendering has been run with cloud-init's code; false: it only looks right. */
  readonly proven: boolean;
}

/** Appends to the user's lists and keeps the user's other values, whatever part comes first. */
const MERGE_HOW = "list(append)+dict(no_replace,recurse_list)+str()";

/**
 * The cloud-config that makes an instance register itself: agent, units, exporter, join token.
 *
 * Commands are argument lists, so no shell reads them; the agent travels as gzip in base64. Same options, same text.
 *
 * @throws {UserDataError} ERR_USER_DATA_OPTION or ERR_USER_DATA_UNPINNED.
 */
export function renderUserData(given: UserDataOptions): RenderedUserData {
  const options = checkOptions(given);
  const variants = variantsOf(options);
  const template = options.instanceId === undefined || variants.length > 1;
  const joinFiles = joinDataFiles(options);
  const one = variants.length === 1 ? variants[0]! : undefined;
  const sections = [
    ...(template ? ["## template: jinja"] : []),
    "#cloud-config",
    `merge_how: ${JSON.stringify(MERGE_HOW)}`,
  ];
  const forEach = (lines: (plan: InstancePlan, facts: DistributionFacts) => readonly string[]) =>
    one === undefined ? conditional(variants, lines) : lines(one.plan, one.facts);

  if (options.prebuilt) {
    sections.push("write_files:", ...joinFiles.flatMap(fileLines));
  } else {
    const isShared = (file: InstanceFile) => variants.every(({ plan }) => hasFile(plan, file));
    sections.push(
      "package_update: true",
      "packages:",
      ...forEach((plan) => plan.packages.map((name) => `  - ${name}`)),
      "write_files:",
      ...joinFiles.flatMap(fileLines),
      ...variants[0]!.plan.files.filter(isShared).flatMap(fileLines),
      ...forEach((plan) => plan.files.filter((file) => !isShared(file)).flatMap(fileLines)),
      "runcmd:",
      ...forEach((plan, facts) => commandsOf(plan, facts).map((argv) => `  - ${JSON.stringify(argv)}`)),
    );
  }
  return { text: `${sections.join("\n")}\n`, proven: variants.every(({ facts }) => facts.proven) };
}

interface Variant {
  readonly facts: DistributionFacts;
  readonly names: readonly string[];
  readonly plan: InstancePlan;
}

/** One for a known distribution; for `"any"`, one a family that has systemd and can do what is asked. */
function variantsOf(options: UserDataOptions): readonly Variant[] {
  const plan = (name: Distribution): Variant => {
    const facts = DISTRIBUTIONS[name];
    return { facts, names: facts.cloudInitNames, plan: planInstance(name, facts, options) };
  };
  if (options.os !== "any") return [plan(options.os)];
  const debian = plan("debian");
  return [
    { ...debian, names: [...debian.names, ...DISTRIBUTIONS.ubuntu.cloudInitNames] },
    plan("fedora"),
    plan("opensuse"),
  ];
}

function conditional(
  variants: readonly Variant[],
  lines: (plan: InstancePlan, facts: DistributionFacts) => readonly string[],
): readonly string[] {
  return [
    ...variants.flatMap(({ names, plan, facts }, index) => [
      `{% ${index === 0 ? "if" : "elif"} v1.distro in ${JSON.stringify(names)} %}`,
      ...lines(plan, facts),
    ]),
    "{% endif %}",
  ];
}

function hasFile(plan: InstancePlan, file: InstanceFile): boolean {
  return plan.files.some(({ path, content }) => path === file.path && content === file.content);
}

/** The files of one instance: where to join, with what, whom to believe. */
function joinDataFiles(options: UserDataOptions): readonly InstanceFile[] {
  const { plan } = variantsOf(options)[0]!;
  const settings: Record<string, string | undefined> = {
    SERVICE_URL: options.serviceUrl,
    CA_FILE: options.caPem === undefined ? undefined : PATHS.ca,
    INSTANCE_ID: options.instanceId ?? "{{ v1.instance_id }}",
    ENDPOINTS: endpointsOf(options).join(" "),
    ADDRESS: options.address,
    INTERFACE: options.interface,
    TEXTFILE_DIR: plan.textfileDir,
    IDENTITY_METRIC: options.identityMetric,
  };
  const config = Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
  const ca = options.caPem;
  return [
    { path: PATHS.config, mode: "0600", content: config },
    { path: PATHS.joinToken, mode: "0600", content: `${options.joinToken}\n` },
    ...(ca === undefined ? [] : [{ path: PATHS.ca, mode: "0644", content: ca } as const]),
  ];
}

function commandsOf(plan: InstancePlan, facts: DistributionFacts): readonly (readonly string[])[] {
  if (facts.init === "openrc") {
    const services = ["promferry-agent", ...plan.services];
    return services.flatMap((name) => [
      ["rc-update", "add", name, "default"],
      ["rc-service", name, "restart"],
    ]);
  }
  // The agent before the exporters: a package that could not be had must not keep the instance from joining. Nothing
  // waits for the service that is joined, or cloud-init would hang with it. The package has started its exporter
  // already, perhaps before its drop-in was known.
  return [
    ["systemctl", "daemon-reload"],
    ["systemctl", "enable", ...AGENT_UNITS],
    ["systemctl", "restart", "--no-block", ...AGENT_UNITS],
    ...plan.commands,
    ...plan.services.flatMap((name) => [
      ["systemctl", "enable", name],
      ["systemctl", "restart", "--no-block", name],
    ]),
  ];
}

/** A `write_files` entry. A script goes compressed, so that nothing in it needs quoting. */
function fileLines({ path, mode, content }: InstanceFile): readonly string[] {
  const head = [`  - path: ${path}`, `    permissions: "${mode}"`];
  if (path === PATHS.agent) {
    const packed = gzipSync(content, { level: 9 }).toString("base64");
    return [...head, "    encoding: gz+b64", `    content: ${packed}`];
  }
  // The join token names the digest of these very bytes.
  if (path === PATHS.ca) {
    return [...head, "    encoding: b64", `    content: ${Buffer.from(content, "utf8").toString("base64")}`];
  }
  return [
    ...head,
    "    content: |",
    ...content
      .trimEnd()
      .split("\n")
      .map((line) => (line === "" ? "" : `      ${line}`)),
  ];
}
