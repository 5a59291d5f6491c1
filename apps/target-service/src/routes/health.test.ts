import { expect, test } from "vitest";
import { startTestService } from "../../test/test-service.ts";

for (const path of ["/healthz", "/readyz"]) {
  test(`a load balancer may ask ${path} by HEAD`, async () => {
    const own = await startTestService();
    const { headers, statusCode, body } = await own.call(`HEAD ${path}`);
    expect([statusCode, body]).toEqual([200, ""]);
    expect(Number(headers["content-length"])).toBeGreaterThan(0);
    await own.store.close();
    const after = await own.call(`HEAD ${path}`);
    expect(after.statusCode).toBe(path === "/healthz" ? 200 : 503);
  });
}
