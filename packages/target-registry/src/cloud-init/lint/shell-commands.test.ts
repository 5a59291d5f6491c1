import { expect, test } from "vitest";
import { shellCommands } from "./shell-commands.ts";

for (const { name, text, commands } of [
  { name: "words and quotes", text: `a 'b c' "d \\" e"f g\\ h`, commands: [["a", "b c", 'd " ef', "g h"]] },
  {
    name: "operators",
    text: "a && b || c; d & e | f",
    commands: [["a"], ["b"], ["c"], ["d"], ["e", "|"], ["f"]],
  },
  { name: "lines and continuation", text: "a \\\n b\nc", commands: [["a", "b"], ["c"]] },
  { name: "comments, and a hash inside a word", text: "a # b | c\nd#e", commands: [["a"], ["d#e"]] },
  { name: "redirections of descriptors", text: "a 2>&1 | b", commands: [["a", "2>&1", "|"], ["b"]] },
  { name: "here-documents", text: "cat <<-'END' >x\n  a | sh\n\tEND\nb", commands: [["cat", ">x"], ["b"]] },
  { name: "an unclosed quote", text: "a 'b", commands: [["a", "b"]] },
  { name: "an unclosed here-document", text: "a <<END\nb", commands: [["a"]] },
]) {
  test(`a shell text is read with ${name}`, () => {
    const found = shellCommands(text).map(({ words, piped }) => [
      ...words.map((word) => word.text),
      ...(piped ? ["|"] : []),
    ]);
    expect(found).toEqual(commands);
  });
}

test("a word knows where it stands, and whether a backslash gave it a leading space", () => {
  const [command] = shellCommands("run \\ --net=host '  x'");
  expect(command!.words).toEqual([
    { text: "run", offset: 0, escapedSpace: false },
    { text: " --net=host", offset: 4, escapedSpace: true },
    { text: "  x", offset: 17, escapedSpace: false },
  ]);
});
