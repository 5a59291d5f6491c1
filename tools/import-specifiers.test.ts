import { expect, test } from "vitest";
import { importSpecifiers } from "./import-specifiers.ts";

for (const { name, source, found } of [
  { name: "named imports", source: 'import { a } from "x";', found: ["x:1"] },
  { name: "an import of nothing", source: "import 'x';", found: ["x:1"] },
  {
    name: "type imports",
    source: 'import type { A } from "x";\nlet b: import("y").B;',
    found: ["x:1", "y:2"],
  },
  { name: "re-exports over lines", source: 'export {\n  a,\n  b,\n} from "x";', found: ["x:4"] },
  { name: "dynamic imports", source: 'const x = await import("x");', found: ["x:1"] },
  { name: "require and resolve", source: 'require("x"); import.meta.resolve("y")', found: ["x:1", "y:1"] },
  { name: "nothing in comments", source: '// import "x"\n/* from "y"\n */ import "z"', found: ["z:3"] },
  { name: "nothing in templates", source: '`import "x"\n${`from "y"`} }`; import "z"', found: ["z:2"] },
  { name: "what stands inside ${}", source: '`${f({ a: await import("x") })} from "y"`', found: ["x:1"] },
  { name: "nothing in strings", source: `const a = 'import "x"'; const b = "from \\"y\\"";`, found: [] },
  { name: "what follows a regular expression", source: 'x = /["\'`/]/g; import("y")', found: ["y:1"] },
  { name: "what follows a division", source: 'x = a / b; y = c / d; import("y")', found: ["y:1"] },
]) {
  test(`importSpecifiers finds ${name}`, () => {
    expect(importSpecifiers(source).map(({ specifier, line }) => `${specifier}:${line}`)).toEqual(found);
  });
}
