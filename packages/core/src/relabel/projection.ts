import type { Projection } from "../merge/projection.ts";
import { compileRelabel } from "./relabel.ts";
import type { RelabelConfig } from "./relabel-config.ts";

/**
 * Rules as a projection, the form in which everything that decides over series composes.
 *
 * @throws {RelabelError} As {@link compileRelabel}.
 */
export function relabelProjection(configs: readonly RelabelConfig[]): Projection {
  if (configs.length === 0) return (series) => series;
  const relabel = compileRelabel(configs);
  return (series) => {
    const labels = relabel([{ name: "__name__", value: series.name }, ...series.labels]);
    if (!labels) return { withheld: "dropped by a relabelling rule" };
    const name = labels.find((label) => label.name === "__name__");
    if (!name) return { withheld: "a relabelling rule took its name" };
    return { name: name.value, labels: labels.filter((label) => label !== name) };
  };
}
