import { LIMITS, validateTokenRequest } from "@promferry/target-registry";
import {
  DISTRIBUTIONS,
  type Distribution,
  type ExporterChoice,
  type Finding,
  PROVIDER_LIMITS,
  type Provider,
  type UserDataErrorCode,
  type UserDataOptions,
} from "@promferry/target-registry/cloud-init";
import type { FastifyInstance } from "fastify";
import { answers } from "../http/answers.ts";
import { idempotencyHeader } from "../http/idempotent.ts";
import { ProblemError } from "../http/problem.ts";
import type { ProblemCode } from "../http/problem-table.ts";
import { closed, endpointNames, findingSchema, port, time } from "../http/schemas.ts";
import { addressesOf, type Service } from "../service.ts";
import type { UserDataJob } from "../user-data/job.ts";
import { timeOf } from "./instance-view.ts";
import { issueToken, tokenFields } from "./join-tokens.ts";

const BODY_LIMIT = 256 * 1024;

const providers = Object.keys(PROVIDER_LIMITS);
const systems = Object.keys(DISTRIBUTIONS);
const mib = { type: "integer", minimum: 1, maximum: 1_048_576 } as const;
const part = {
  user_data: { type: "string", description: "the user's own part as text" },
  user_data_base64: { type: "string", contentEncoding: "base64", pattern: "^[A-Za-z0-9+/]*={0,2}$" },
} as const;

interface UserDataBody {
  readonly os: Distribution | "any";
  readonly provider?: Provider;
  readonly user_data?: string;
  readonly user_data_base64?: string;
  readonly exporter?: ExporterChoice;
  readonly cadvisor?: { readonly image: string };
  readonly apps?: readonly { readonly name: string; readonly port: number }[];
  readonly address?: string;
  readonly interface?: string;
  readonly prebuilt?: boolean;
  readonly limits?: {
    readonly exporter_memory_mib?: number;
    readonly exporter_cpu_percent?: number;
    readonly cadvisor_memory_mib?: number;
    readonly cadvisor_cpu_percent?: number;
  };
  readonly [field: string]: unknown;
}

export function userDataRoutes(app: FastifyInstance, service: Service): void {
  const { policy } = service;

  app.post<{ Body: UserDataBody }>(
    "/v1/user-data",
    {
      bodyLimit: BODY_LIMIT,
      config: { access: ["platform", "registrar"], audit: "user-data.create", perMinute: "platform" },
      schema: {
        summary: "Makes user data with a join token in it, merged with the user's own",
        body: closed(
          {
            ...tokenFields,
            ...part,
            os: { type: "string", enum: [...systems, "any"] },
            provider: { type: "string", enum: providers, description: "default nocloud" },
            exporter: {
              anyOf: [
                closed({ kind: { const: "package" } }),
                closed({
                  kind: { const: "binary" },
                  url: { type: "string", maxLength: 2_048 },
                  sha256: { type: "string", maxLength: 128 },
                }),
                closed({ kind: { const: "container" }, image: { type: "string", maxLength: 512 } }),
                closed({ kind: { const: "none" } }),
              ],
            },
            cadvisor: closed({ image: { type: "string", maxLength: 512 } }),
            apps: {
              type: "array",
              maxItems: LIMITS.endpoints,
              items: closed({ name: endpointNames(policy), port }),
              description: "further endpoints of the instance",
            },
            address: { type: "string", maxLength: 64 },
            interface: { type: "string", maxLength: 15 },
            prebuilt: { type: "boolean" },
            limits: closed(
              {
                exporter_memory_mib: mib,
                exporter_cpu_percent: mib,
                cadvisor_memory_mib: mib,
                cadvisor_cpu_percent: mib,
              },
              [],
            ),
          },
          ["project", "service", "ranges", "os"],
        ),
        headers: idempotencyHeader,
        response: answers(
          {
            200: closed({
              token_id: { type: "string" },
              expires_at: time,
              user_data_base64: { type: "string", description: "what cloud-init is to get" },
              encoding: { type: "string", enum: ["plain", "gzip"] },
              bytes: { type: "integer" },
              base64_bytes: { type: "integer" },
              limit_verified: { type: "boolean" },
              proven: { type: "boolean" },
              findings: { type: "array", items: findingSchema, description: "of the user's own part" },
            }),
          },
          [
            "invalid_request",
            "invalid_content",
            "user_data_option",
            "user_data_too_large",
            "instance_removed",
            "other_owner",
            "quota_exceeded",
            "overloaded",
          ],
        ),
      },
    },
    async (request) => {
      const { body } = request;
      const { exporter = { kind: "package" }, cadvisor, apps = [], provider = "nocloud" } = body;
      const { project, service: owner, scope, instance_id, ranges, labels, ttl } = body;
      const asked = validateTokenRequest(
        {
          ...{ project, service: owner, scope, instance_id, ranges, labels, ttl },
          endpoints: grantsOf([
            ...(exporter.kind === "none" ? [] : [{ name: "node", port: 9_100 }]),
            ...(cadvisor === undefined ? [] : [{ name: "cadvisor", port: 8_080 }]),
            ...apps,
          ]),
        },
        policy,
        addressesOf(service, request.caller!),
      );
      if (!asked.ok) {
        throw new ProblemError("invalid_content", "no token for this", { problems: asked.problems });
      }
      const part = ownPart(body);
      const { value } = await issueToken(service, request, asked.value, async (minted) => ({
        ...(await workOn({
          ...{ kind: "make", provider, part },
          options: optionsOf(service, body, minted.text),
        })),
        token: minted.token,
      }));
      const { token, made, findings } = value;
      if (made === undefined) throw new Error("expected user data");
      return {
        token_id: token.id,
        expires_at: timeOf(token.expiresAt),
        user_data_base64: Buffer.from(made.bytes).toString("base64"),
        encoding: made.encoding,
        bytes: made.bytes.length,
        base64_bytes: made.base64Bytes,
        limit_verified: made.limitVerified,
        proven: made.proven,
        findings,
      };
    },
  );

  app.post<{ Body: Pick<UserDataBody, "user_data" | "user_data_base64" | "os" | "provider"> }>(
    "/v1/user-data/lint",
    {
      bodyLimit: BODY_LIMIT,
      config: { access: ["platform", "registrar"], perMinute: "platform" },
      schema: {
        summary: "Says what will not work in user data, or is open to others; keeps nothing",
        body: closed(
          {
            ...part,
            os: { type: "string", enum: [...systems, "any"] },
            provider: { type: "string", enum: providers },
          },
          [],
        ),
        response: answers({ 200: closed({ findings: { type: "array", items: findingSchema } }) }, [
          "invalid_request",
          "user_data_part",
          "overloaded",
        ]),
      },
    },
    async ({ body }): Promise<{ findings: readonly Finding[] }> => {
      const { os, provider } = body;
      const { findings } = await workOn({
        ...{ kind: "lint", part: ownPart(body) ?? "", provider },
        os: os === "any" ? undefined : os,
      });
      return { findings };
    },
  );

  async function workOn(job: UserDataJob) {
    const outcome = await service.workshop.run(job);
    if (outcome.ok) return outcome;
    const { code, message, findings } = outcome;
    throw new ProblemError(CODES[code], message, findings.length > 0 ? { findings } : {});
  }
}

/** One grant a name: two ports of one kind stand together. */
function grantsOf(endpoints: readonly { readonly name: string; readonly port: number }[]): object[] {
  const ports = new Map<string, number[]>();
  for (const { name, port } of endpoints) ports.set(name, [...(ports.get(name) ?? []), port]);
  return [...ports].map(([name, list]) => ({ name, ports: list }));
}

function ownPart(
  body: Pick<UserDataBody, "user_data" | "user_data_base64">,
): Uint8Array | string | undefined {
  if (body.user_data !== undefined && body.user_data_base64 !== undefined) {
    throw new ProblemError("invalid_request", "expected user_data or user_data_base64, not both");
  }
  return body.user_data ?? (body.user_data_base64 && Buffer.from(body.user_data_base64, "base64"));
}

function optionsOf({ publicUrl, agentCa }: Service, body: UserDataBody, joinToken: string): UserDataOptions {
  const { os, exporter, cadvisor, apps, address, prebuilt, limits } = body;
  const instanceId = body["instance_id"] as string | undefined;
  return {
    os,
    serviceUrl: publicUrl,
    joinToken,
    ...(agentCa !== undefined && { caPem: agentCa }),
    ...(instanceId !== undefined && { instanceId }),
    ...(address !== undefined && { address }),
    ...(body.interface !== undefined && { interface: body.interface }),
    ...(exporter !== undefined && { exporter }),
    ...(cadvisor !== undefined && { cadvisor }),
    ...(apps !== undefined && { endpoints: apps }),
    ...(prebuilt !== undefined && { prebuilt }),
    ...(limits !== undefined && {
      limits: {
        ...(limits.exporter_memory_mib && { exporterMemoryMib: limits.exporter_memory_mib }),
        ...(limits.exporter_cpu_percent && { exporterCpuPercent: limits.exporter_cpu_percent }),
        ...(limits.cadvisor_memory_mib && { cadvisorMemoryMib: limits.cadvisor_memory_mib }),
        ...(limits.cadvisor_cpu_percent && { cadvisorCpuPercent: limits.cadvisor_cpu_percent }),
      },
    }),
  };
}

const CODES: Readonly<Record<UserDataErrorCode, ProblemCode>> = {
  ERR_USER_DATA_OPTION: "user_data_option",
  ERR_USER_DATA_UNPINNED: "user_data_unpinned",
  ERR_USER_DATA_PART: "user_data_part",
  ERR_USER_DATA_TOO_LARGE: "user_data_too_large",
};
