export { relabelProjection } from "./projection.ts";
export { compileRelabel, type Relabel } from "./relabel.ts";
export {
  type RelabelAction,
  type RelabelConfig,
  RelabelError,
  type RelabelProblem,
  relabelProblems,
} from "./relabel-config.ts";
