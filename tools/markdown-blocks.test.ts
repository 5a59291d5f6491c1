import { expect, test } from "vitest";
import { markdownBlocks } from "./markdown-blocks.ts";

for (const { name, markdown, blocks } of [
  { name: "nothing in prose", markdown: "a ``` b\n`c`\n", blocks: [] },
  {
    name: "a block with its language, attributes and line",
    markdown: "# A\n\n```ts no-run\na;\n\n  b;\n```\n",
    blocks: [{ language: "ts", attributes: ["no-run"], code: "a;\n\n  b;\n", line: 4 }],
  },
  {
    name: "blocks of both fences, one inside the other",
    markdown: "~~~md\n```ts\n~~~\n```\nb\n```\n",
    blocks: [
      { language: "md", attributes: [], code: "```ts\n", line: 2 },
      { language: "", attributes: [], code: "b\n", line: 5 },
    ],
  },
  {
    name: "a block in a quotation",
    markdown: "> ```ts\n> a;\n>\n> b;\n> ```\n",
    blocks: [{ language: "ts", attributes: [], code: "a;\n\nb;\n", line: 2 }],
  },
]) {
  test(`markdownBlocks finds ${name}`, () => {
    expect(markdownBlocks(markdown)).toEqual(blocks);
  });
}
