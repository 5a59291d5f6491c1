/** A stream that text is written to. */
export interface TextSink {
  /** `false` asks the writer to wait for `drained`. */
  write(text: string): boolean;
  /** Resolves when the sink takes more. */
  drained(): Promise<void>;
  /** Whether a person reads it on a terminal. */
  readonly isTerminal: boolean;
  /** Characters in a line of the terminal now; absent: nobody knows, or it is none. */
  readonly columns?: () => number | undefined;
}

/** Everything through which a run touches the world, so that a test can be the world. */
export interface CliIo {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Whether a person sits at the terminal and could be asked by a credential's command. */
  readonly interactive: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the user stands. */
  readonly cwd: string;
  readonly home: string;
  /** Aborts at the first Ctrl-C or SIGTERM; its reason is a {@link StopSignal}. */
  readonly signal: AbortSignal;
  /**
   * From now on SIGHUP calls the handler, instead of stopping like SIGTERM.
   *
   * @returns Ends that.
   */
  readonly onHangup: (handler: () => void) => () => void;
  readonly now: () => number;
}

/** Why a run was asked to stop. */
export class StopSignal extends Error {
  override readonly name = "StopSignal";
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}
