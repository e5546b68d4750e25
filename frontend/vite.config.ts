import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { OLDEST_BROWSERS } from "./browsers.ts";

/** The test page, as the gateway serves them in development. */
export default defineConfig({
  root: "payment-test",
  base: "/payment-test/",
  plugins: [react()],
  build: {
    target: OLDEST_BROWSERS,
    outDir: "../dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
  },
});
