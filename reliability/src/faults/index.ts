import type { Fault } from "../fault.ts";
import { clock } from "./clock.ts";
import { damage } from "./damage.ts";
import { errors } from "./errors.ts";
import { kill } from "./kill.ts";
import { powerCut } from "./power-cut.ts";
import { powerLoss } from "./power-loss.ts";
import { processes } from "./processes.ts";
import { receiver } from "./receiver.ts";
import { together } from "./together.ts";

/** In the order of the table. */
export const faults: readonly Fault[] = [
  kill,
  powerLoss,
  powerCut,
  damage,
  errors,
  processes,
  clock,
  receiver,
  together,
];
