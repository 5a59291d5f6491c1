import type { FrameHeader } from "../journal/frame.ts";
import type { EpochMs } from "../series/series.ts";
import { SampleList } from "./sample-list.ts";
import type { SessionState } from "./session-state.ts";
import { isLive, type Target } from "./targets.ts";

/** The series that one version of a program has fed. */
export interface VersionState {
  readonly targets: Set<Target>;
  /** Whether their end has been told. */
  told: boolean;
}

/** Which series which version of a program feeds, and when they end. */
export class VersionTable {
  readonly byName: Map<string, VersionState>;
  readonly #running: ReadonlySet<SessionState>;
  /** Folded frames of one instant whose verdict on ended versions waits for the last of them. */
  #folded: FrameHeader[] = [];

  constructor(byName: Map<string, VersionState>, running: ReadonlySet<SessionState>) {
    this.byName = byName;
    this.#running = running;
  }

  /** A frame that was folded without a sample. */
  fold(header: FrameHeader): void {
    this.#folded.push(header);
  }

  /** Frames of `atMs` come: what was folded before it is all there. */
  begin(atMs: EpochMs): void {
    if (this.#folded[0]?.writtenMs !== atMs) this.endFolded();
  }

  /** Lets go of all programs' series. */
  forgetPrograms(): void {
    for (const { targets } of this.byName.values()) {
      for (const target of targets) if (target.kind !== "page") targets.delete(target);
    }
  }

  /** Ends the series of versions that no session runs any more, once another version shows up. */
  end({ origin, kind, writtenMs }: FrameHeader, out: SampleList): void {
    // A start frame does not say yet which series go on under another version.
    if (origin === "scrape" || kind === "start" || this.byName.size < 2) return;
    const running = new Set<string>();
    for (const each of this.#running) if (each.origin === "app") running.add(each.info.version ?? "");
    for (const [version, state] of this.byName) {
      if (state.told || running.has(version)) continue;
      state.told = true;
      for (const target of state.targets) {
        if (isLive(target) || target.stale || !target.emitted) continue;
        target.stale = true;
        const ended = target.kind === "bucket" ? target.outlets : [target];
        for (const { series } of ended) {
          out.push(series, target.family, writtenMs, null);
        }
      }
    }
  }

  /** The verdict on folded frames. */
  endFolded(): void {
    const headers = this.#folded;
    this.#folded = [];
    for (const header of headers) this.end(header, new SampleList());
  }

  of(session: SessionState): VersionState {
    const version = session.info.version ?? "";
    let state = this.byName.get(version);
    if (!state) {
      state = { targets: new Set(), told: false };
      this.byName.set(version, state);
    }
    return state;
  }
}
