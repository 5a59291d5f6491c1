import { expect, test } from "vitest";
import { mintJoinToken } from "../tokens/join-token.ts";
import {
  atOnce,
  beat,
  CAUSE,
  countCodes,
  join,
  joinRequest,
  keyOf,
  nodeAt,
  type OpenStore,
  START_MS,
  specOf,
  storeToken,
} from "./suite.ts";

/** Join tokens: one use, and what a second use tells. */
export function tokenTests(open: OpenStore): void {
  test("a token lets one of many keys in, once", async (context) => {
    const { store } = await open(context);
    const { token } = await storeToken(store);
    const joined = await atOnce(10, (i) =>
      store.join(joinRequest(token, `i-${i}`, { endpoints: nodeAt(`10.0.0.${i}`) }), CAUSE),
    );
    expect(countCodes(joined)).toEqual({ ok: 1, "token-used": 9 });
    expect((await store.list()).items).toHaveLength(1);
    const [winner] = (await store.list()).items;
    expect(await store.token(token.id)).toEqual({
      ...token,
      usedAt: START_MS,
      usedBy: { instanceId: winner!.id, keyHash: keyOf(winner!.id) },
    });
    const misuses = (await store.history(winner!.id)).items.filter(({ what }) => what === "token-misuse");
    expect(misuses).toHaveLength(9);
  });

  test("the same key gets the same answer again, even after the token's time", async (context) => {
    const { store, clock } = await open(context);
    const { token } = await storeToken(store);
    const request = joinRequest(token, "i-1");
    const joined = await atOnce(5, () => store.join(request, CAUSE));
    expect(countCodes(joined)).toEqual({ ok: 5 });
    expect(joined.map((answer) => answer.ok && answer.change).sort()).toEqual([
      "created",
      ...new Array<string>(4).fill("replayed"),
    ]);
    clock.at = token.expiresAt;
    expect(await store.join(request, CAUSE)).toMatchObject({ ok: true, change: "replayed" });
    expect((await store.info()).rev).toBe(1);
  });

  for (const { name, change, code } of [
    { name: "an unknown id", change: { tokenId: "jt-aaaaaaaaaaaaaaaaaaaa" }, code: "token-unknown" },
    { name: "another secret", change: { secretHash: keyOf("guess") }, code: "token-unknown" },
    {
      name: "an address outside its ranges",
      change: { endpoints: nodeAt("192.168.0.1") },
      code: "token-range",
    },
    {
      name: "an endpoint that it does not name",
      change: { endpoints: [{ name: "app", address: "10.0.0.1", port: 8080 }] },
      code: "token-range",
    },
    { name: "another instance than it is bound to", change: { instanceId: "i-2" }, code: "token-bound" },
  ]) {
    test(`a token refuses ${name}, and can still be used`, async (context) => {
      const { store } = await open(context);
      const { token } = await storeToken(store, { instanceId: "i-1" });
      const request = joinRequest(token, "i-1");
      expect(await store.join({ ...request, ...change }, CAUSE)).toEqual({ ok: false, code });
      expect(await store.list()).toEqual({ items: [] });
      expect(await store.join(request, CAUSE)).toMatchObject({ ok: true, change: "created" });
    });
  }

  test("a token ends at its time, and a revoked one at once", async (context) => {
    const { store, clock } = await open(context);
    const { token: late } = await storeToken(store);
    const { token: revoked } = await storeToken(store);
    expect(await store.revokeToken(revoked.id, CAUSE)).toBe(true);
    expect(await store.revokeToken(revoked.id, CAUSE)).toBe(false);
    expect(await store.revokeToken("jt-aaaaaaaaaaaaaaaaaaaa", CAUSE)).toBe(false);
    expect(await store.join(joinRequest(revoked, "i-1"), CAUSE)).toEqual({
      ok: false,
      code: "token-revoked",
    });
    clock.at = late.expiresAt;
    expect(await store.join(joinRequest(late, "i-1"), CAUSE)).toEqual({ ok: false, code: "token-expired" });
  });

  test("a join that finds its address taken leaves the token unused", async (context) => {
    const { store } = await open(context);
    await join(store, "i-1");
    const { token } = await storeToken(store);
    expect(await store.join(joinRequest(token, "i-2"), CAUSE)).toMatchObject({ code: "address-taken" });
    expect(await store.token(token.id)).toEqual(token);
  });

  test("an instance's key is replaced only by a token for that very instance", async (context) => {
    const { store } = await open(context);
    await join(store, "i-1");
    const other = { keyHash: keyOf("rebuilt"), bootId: "boot-9" };
    expect(await join(store, "i-1", other)).toEqual({ ok: false, code: "wrong-key" });
    expect(await join(store, "i-1", other, { project: "p-2" })).toEqual({ ok: false, code: "other-owner" });
    expect(await join(store, "i-1", other, { instanceId: "i-1" })).toMatchObject({
      ok: true,
      change: "changed",
    });
    expect(await store.renew([beat("i-1"), beat("i-1", other)])).toEqual(["wrong-key", "renewed"]);
  });

  test("a token with an announcement adds both, or neither", async (context) => {
    const { store } = await open(context);
    const binding = {
      project: "p-1",
      service: "s-1",
      scope: "default",
      instanceId: "i-1",
      grant: { ranges: ["10.0.0.0/8"], endpoints: [{ name: "node", ports: [9100] }] },
      labels: {},
    };
    const mint = (): ReturnType<typeof mintJoinToken>["token"] =>
      mintJoinToken(binding, { now: START_MS, ttlMs: 60_000 }).token;
    const [first, second] = [mint(), mint()];
    const expected = specOf("i-1", { endpoints: [], labels: { tier: "web" } });
    expect(await store.addToken(first, CAUSE, expected)).toMatchObject({ ok: true, change: "created" });
    expect(await store.get("i-1")).toMatchObject({ state: "expected", labels: { tier: "web" } });
    await expect(store.addToken(first, CAUSE)).rejects.toThrow(TypeError);
    await store.apply("i-1", { type: "remove" }, CAUSE);
    expect(await store.join(joinRequest(first, "i-1"), CAUSE)).toEqual({ ok: false, code: "token-revoked" });
    expect(await store.addToken(second, CAUSE, expected)).toEqual({ ok: false, code: "removed" });
    expect(await store.addToken(second, CAUSE)).toEqual({ ok: false, code: "removed" });
    expect(await store.token(second.id)).toBeUndefined();
  });

  test("a token for an instance that was deleted before it joined is revoked with it", async (context) => {
    const { store } = await open(context);
    const { token } = await storeToken(store, { instanceId: "i-1" });
    await store.apply("i-1", { type: "remove" }, CAUSE);
    expect(await store.join(joinRequest(token, "i-1"), CAUSE)).toEqual({ ok: false, code: "token-revoked" });
  });
}
