import { createCollector, takeMetricsFlag } from "@promferry/collector";
import { type AskingPlace, consentInWords } from "@promferry/privacy";
import { createMetrics, SCREENS, type Screen } from "./metrics.ts";

/** What the program needs of the world. */
export interface World {
  readonly argv: readonly string[];
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  print(line: string): void;
  /** Shows the question and resolves to the answer. */
  ask(question: string): Promise<string>;
  /** Whether somebody can answer. Default: what the process's own streams say. */
  readonly place?: Partial<AskingPlace>;
}

/**
 * `k1 [SCREEN …]` opens screens. `k1 telemetry [on|local|off]` decides about its counts. With
 * `--enable-metrics-collection` one run is counted.
 *
 * @returns The exit code.
 */
export async function runK1({ argv, dir, env, print, ask, place }: World): Promise<number> {
  const { flag, rest } = takeMetricsFlag(argv);
  const metrics = createMetrics();
  const telemetry = createCollector({
    app: "k1",
    version: "v0.1.0",
    catalogue: metrics,
    dir,
    env,
    consent: { flag },
  });

  const [command, answer] = rest;
  if (command === "telemetry") {
    const answers = { on: "upload", local: "local", off: "off" } as const;
    if (answer === "on" || answer === "local" || answer === "off") await telemetry.decide(answers[answer]);
    print(`telemetry is ${consentInWords(telemetry.consent())}`);
    return answer === undefined || answer in answers ? 0 : 2;
  }

  const question = telemetry.question(place);
  if (question)
    await telemetry.decide(/^y(es)?$/i.test((await ask(question.text)).trim()) ? "upload" : "off");
  await telemetry.start();

  for (const screen of rest.filter(isScreen)) {
    const drawn = metrics.screenRender.startTimer({ screen });
    print(`── ${screen} ──`);
    drawn();
    metrics.screenViews.inc({ screen });
  }
  await telemetry.stop();
  return 0;
}

function isScreen(word: string): word is Screen {
  return SCREENS.some((screen) => screen === word);
}
