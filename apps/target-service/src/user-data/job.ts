import {
  type Distribution,
  encodeUserData,
  type Finding,
  type LintOptions,
  lintUserData,
  mergeUserData,
  type Provider,
  renderUserData,
  UserDataError,
  type UserDataErrorCode,
  type UserDataOptions,
} from "@promferry/target-registry/cloud-init";

/** Work on user data: plain data, so that another thread can do it. */
export type UserDataJob =
  | {
      readonly kind: "make";
      readonly options: UserDataOptions;
      readonly provider: Provider;
      /** The user's own part; undefined: none. */
      readonly part: Uint8Array | string | undefined;
    }
  | {
      readonly kind: "lint";
      readonly part: Uint8Array | string;
      readonly os: Distribution | undefined;
      readonly provider: Provider | undefined;
    };

export interface MadeUserData {
  readonly bytes: Uint8Array;
  readonly encoding: "plain" | "gzip";
  readonly base64Bytes: number;
  readonly limitVerified: boolean;
  readonly proven: boolean;
}

export type UserDataOutcome =
  | { readonly ok: true; readonly made: MadeUserData | undefined; readonly findings: readonly Finding[] }
  | {
      readonly ok: false;
      readonly code: UserDataErrorCode;
      readonly message: string;
      readonly findings: readonly Finding[];
    };

/** Does a job. @throws {Error} Only what is a fault of ours. */
export function doUserDataJob(job: UserDataJob): UserDataOutcome {
  try {
    if (job.kind === "lint") {
      return {
        ok: true,
        made: undefined,
        findings: lintUserData(job.part, lintOptions(job.os, job.provider)),
      };
    }
    const { options, provider, part } = job;
    const { text, proven } = renderUserData(options);
    const encoded = encodeUserData(part === undefined ? text : mergeUserData(text, part), provider);
    const os = options.os === "any" ? undefined : options.os;
    const findings = part === undefined ? [] : lintUserData(part, lintOptions(os, undefined));
    return { ok: true, made: { ...encoded, proven }, findings };
  } catch (error) {
    if (!(error instanceof UserDataError)) throw error;
    const { code, message, findings } = error;
    return { ok: false, code, message, findings };
  }
}

function lintOptions(os: Distribution | undefined, provider: Provider | undefined): LintOptions {
  return { ...(os && { os }), ...(provider && { provider }) };
}
