/** A service and a Prometheus with its job, as an attacker finds them, and what the platform and its instances do there. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type RunningServer, startPrometheus } from "../harness/index.ts";
import { activeTargets, until } from "./scraper.ts";
import { type Answer, call, type Ending, type Place, place, type Service } from "./service.ts";

export interface AttackedService {
  readonly own: Place;
  readonly service: Service;
  readonly prometheus: RunningServer;
  /** Every secret that was used; none may be found in a log. */
  readonly secrets: Set<string>;
  /** With the platform's token. */
  platform(line: string, body?: unknown): Promise<Answer>;
  /** A join token for p-1/web. */
  mint(range: string, more?: object): Promise<string>;
  /** @param key Default: the instance's own. @returns Status and code. */
  joins(token: string, id: string, address: string, key?: string): Promise<string>;
  beat(id: string, key?: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** The platform vouches for an instance of p-1/web. @returns Status and code. */
  put(id: string, address: string, more?: object): Promise<string>;
  /** What Prometheus has, each as `id health`, sorted. */
  targets(): Promise<readonly string[]>;
  /** Waits until Prometheus has exactly these. */
  becomes(...wanted: readonly string[]): Promise<void>;
  /** The list as the service serves it. */
  listed(): Promise<string>;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
/** The key of an instance. */
export const keyOf = (id: string): string => `key-of-${id}-`.padEnd(43, "k");

/** Status, and the code of a problem. */
export function codeOf({ status, text }: Answer): string {
  return text === "" ? `${status}` : `${status} ${(JSON.parse(text) as { code?: string }).code ?? "ok"}`;
}

/** @param lines Further lines of the service's configuration. */
export async function startAttacked(context: Ending, lines: readonly string[]): Promise<AttackedService> {
  const own = await place(context, ["accept_new_store: true", ...lines]);
  const [token, reader] = [own.token("platform"), own.token("reader")];
  writeFileSync(join(own.dir, "reader.token"), reader, { mode: 0o600 });
  const service = await own.start();
  const query = `endpoint=node&interval=1&refresh=1&token_file=${own.dir}/reader.token`;
  const scrape = await call(service.url, `GET /v1/config/scrape?${query}`, { token: reader });
  expect(scrape.status, scrape.text).toBe(200);
  writeFileSync(join(own.dir, "scrape.yml"), scrape.text);
  const prometheus = await startPrometheus({ scrapeConfigFiles: [join(own.dir, "scrape.yml")] });
  context.onTestFinished(prometheus.stop);
  const secrets = new Set([token, reader]);
  const platform: AttackedService["platform"] = (line, body) =>
    call(service.url, line, { token, ...(body !== undefined && { body }) });
  const targets: AttackedService["targets"] = async () =>
    (await activeTargets(prometheus))
      .map(({ labels, health }) => `${labels["instance_id"]} ${health}`)
      .sort();
  return {
    ...{ own, service, prometheus, secrets, platform, targets },
    async mint(range, more = {}) {
      const body = { project: "p-1", service: "web", ranges: [range], endpoints: ["node"], ...more };
      const minted = await platform("POST /v1/join-tokens", body);
      expect(minted.status, minted.text).toBe(201);
      const { token } = JSON.parse(minted.text) as { token: string };
      secrets.add(token).add(token.split(".")[1]!);
      return token;
    },
    async joins(token, id, address, key = keyOf(id)) {
      secrets.add(key);
      const endpoints = [{ name: "node", address }];
      const body = { token, instance_id: id, boot_id: "b-1", key: sha256(key), endpoints };
      return codeOf(await call(service.url, "POST /v1/join", { body }));
    },
    beat: (id, key = keyOf(id), headers = {}) =>
      call(service.url, `POST /v1/instances/${id}/heartbeat`, {
        ...{ token: key, body: { boot_id: "b-1" }, headers },
      }),
    async put(id, address, more = {}) {
      const place = { project: "p-1", service: "web", liveness: "platform" };
      const body = { ...place, endpoints: [{ name: "node", address }], ...more };
      return codeOf(await platform(`PUT /v1/instances/${id}`, body));
    },
    async becomes(...wanted) {
      const sorted = [...wanted].sort();
      expect(await until(targets, (all) => all.join() === sorted.join())).toEqual(sorted);
    },
    async listed() {
      const list = await call(service.url, "GET /v1/sd/prometheus", { token: reader });
      expect(list.status, list.text).toBe(200);
      return list.text;
    },
  };
}
