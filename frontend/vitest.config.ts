import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{src,operator}/**/*.test.{ts,tsx}"],
    passWithNoTests: false, // a test file that holds no test is a mistake
    testTimeout: 60_000, // ends a hang; how fast the machine is, is nobody's business
    environmentOptions: { happyDOM: { url: "http://localhost/" } },
  },
});
