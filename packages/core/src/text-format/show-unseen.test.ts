import { expect, test } from "vitest";
import { showUnseen } from "./show-unseen.ts";

test("what can't be seen is shown by its number, and everything else as it is", () => {
  expect(showUnseen("a b\u001b[2J\u009b\u00a0\u200b\u202e\u2028\u{e0001}ä\u{1f600}")).toBe(
    "a b\\u001b[2J\\u009b\\u00a0\\u200b\\u202e\\u2028\\u{e0001}ä\u{1f600}",
  );
});
