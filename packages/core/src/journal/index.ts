export type {
  ConsentGrant,
  Frame,
  FrameHeader,
  FrameKind,
  FrameOrigin,
  FrameRef,
  GaugeMerge,
  GaugeRule,
  SessionInfo,
} from "./frame.ts";
