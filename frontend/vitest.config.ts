import { defineConfig } from "vitest/config";

import { PREACT_FOR_REACT } from "./vite.element.config.ts";

const shared = {
  testTimeout: 60_000, // ends a hang; how fast the machine is, is nobody's business
  environmentOptions: { happyDOM: { url: "http://localhost/" } },
};

/** The components' tests run twice: on React, and on Preact, by which the element renders them. */
export default defineConfig({
  test: {
    passWithNoTests: false, // a test file that holds no test is a mistake
    projects: [
      { test: { ...shared, name: "react", include: ["{src,operator,hosted}/**/*.test.{ts,tsx}"] } },
      {
        resolve: {
          alias: [
            { find: /^react$/, replacement: new URL("tests/preactAsReact.ts", import.meta.url).pathname },
            ...PREACT_FOR_REACT,
          ],
        },
        test: { ...shared, name: "preact", include: ["src/components/**/*.test.tsx", "src/element.test.tsx"] },
      },
    ],
  },
});
