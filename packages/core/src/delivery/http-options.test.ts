import { expect, test } from "vitest";
import { checkHeaders } from "./http-options.ts";

test("checkHeaders takes headers that are the user's to set", () => {
  checkHeaders({ "X-Source": "k1", "X-Scope-OrgID": "prod", "X-Key": "trimmed by HTTP\n" });
});

for (const { headers, message } of [
  { headers: { Authorization: "Bearer hunter2" }, message: "use the setting auth" },
  { headers: { "content-TYPE": "text/hunter2" }, message: "is set by the protocol" },
  { headers: { "Retry-Attempt": "hunter2" }, message: "is set by the protocol" },
  { headers: { "X-Key": "hunter2\nX-More: 1" }, message: '"X-Key" has a name or value' },
  { headers: { "X Key": "hunter2" }, message: '"X Key" has a name or value' },
  { headers: { "X-Key": "hunter2 漢" }, message: '"X-Key" has a name or value' },
]) {
  test(`checkHeaders: ${JSON.stringify(headers)} ${message}`, () => {
    expect(() => checkHeaders(headers)).toThrow(TypeError);
    expect(() => checkHeaders(headers)).toThrow(message);
    expect(() => checkHeaders(headers)).not.toThrow("hunter2");
  });
}
