export interface AskingPlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a person can type the answer. */
  readonly inputIsTerminal: boolean;
  /** Whether a person reads the question. */
  readonly outputIsTerminal: boolean;
}

/** Set by services that run programs without anybody watching, even where they lend them a terminal. */
const CI_VARIABLES = [
  "CI",
  "CONTINUOUS_INTEGRATION",
  "BUILD_NUMBER",
  "GITHUB_ACTIONS",
  "GITLAB_CI",
  "BUILDKITE",
  "JENKINS_URL",
  "TEAMCITY_VERSION",
  "TF_BUILD",
  "CODEBUILD_BUILD_ID",
];

/**
 * Whether somebody may be asked something: a terminal on both ends, and no continuous integration.
 *
 * @returns True, or the reason why not.
 */
export function mayAsk({ env, inputIsTerminal, outputIsTerminal }: AskingPlace): true | string {
  const ci = CI_VARIABLES.find((name) => !["", "0", "false"].includes((env[name] ?? "").toLowerCase()));
  if (ci !== undefined) return `${ci} is set, so nobody is there to answer`;
  if (!inputIsTerminal) return "standard input is no terminal";
  return outputIsTerminal || "standard output is no terminal";
}
