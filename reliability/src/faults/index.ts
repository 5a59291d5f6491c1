import type { Fault } from "../fault.ts";
import { damage } from "./damage.ts";
import { errors } from "./errors.ts";
import { powerLoss } from "./power-loss.ts";
import { receiver } from "./receiver.ts";

/** In the order of the table. */
export const faults: readonly Fault[] = [powerLoss, damage, errors, receiver];
