import { defineConfig } from "vitest/config";

/**
 * Sources, not builds: the same export condition that the type check and the apps use. No `import` or `module`: Node
 * gets these too, and would then give ES modules to whoever requires CommonJS.
 */
const conditions = ["@promferry/source", "node"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{packages,apps,examples,tools}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**"],
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["e2e/**/*.e2e.ts"],
          exclude: ["**/node_modules/**"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Each file runs servers of its own on the two cores there are.
          maxWorkers: 2,
        },
      },
    ],
  },
});
