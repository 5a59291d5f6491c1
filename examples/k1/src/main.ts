import { consentInWords } from "@promferry/privacy";
import { parseCommandLine, USAGE } from "./command-line.ts";
import { type RunReport, runK1 } from "./run.ts";

const FINAL: readonly string[] = ["K1_TELEMETRY", "enable, disable"];

function inWords(report: RunReport): string {
  const { counters } = report.counted;
  const counts = Object.entries(counters).sort(([a], [b]) => (a < b ? -1 : 1));
  const events = counts.reduce((sum, [, count]) => sum + count, 0);
  const lines = [
    `k1 ran ${report.steps} steps with seed ${report.seed}: ${events} events in ${counts.length} counters`,
  ];
  lines.push(`telemetry: ${consentInWords(report.consent)}`);
  // The flag overrides neither K1_TELEMETRY nor the user's own no.
  const isFinal = report.consent.sources.some(({ name, says }) => says === "no" && FINAL.includes(name));
  if (report.session === undefined && isFinal) lines.push("nothing was recorded");
  else if (report.session === undefined)
    lines.push("nothing was recorded; --enable-metrics-collection records one run");
  else lines.push(`session ${report.session} wrote ${report.frames} frames to ${report.dir}`);
  if (report.failed > 0) lines.push(`${report.failed} frames could not be written`);
  return `${lines.join("\n")}\n`;
}

try {
  const line = parseCommandLine(process.argv.slice(2));
  if (line.help) process.stdout.write(USAGE);
  else {
    const report = await runK1(line, process.env);
    process.stdout.write(line.json ? `${JSON.stringify(report, null, 2)}\n` : inWords(report));
  }
} catch (error) {
  process.stderr.write(`k1: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
