import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.{ts,tsx}"],
    // A test file that holds no test is a mistake, and a slow one hides a hang.
    passWithNoTests: false,
    testTimeout: 10_000,
    environmentOptions: { happyDOM: { url: "http://localhost/" } },
  },
});
