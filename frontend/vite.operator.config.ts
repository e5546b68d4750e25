import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { OLDEST_BROWSERS } from "./browsers.ts";

/** The operators' page, a bundle of its own: nothing of it is in what customers load. */
export default defineConfig({
  root: "operator",
  base: "/operator/",
  plugins: [react()],
  experimental: {
    // What scripts load is found beside them, also where the API's stage has its name before the path.
    renderBuiltUrl: (_name, { hostType }) => (hostType === "js" ? { relative: true } : undefined),
  },
  build: { target: OLDEST_BROWSERS, outDir: "../dist-operator", emptyOutDir: true },
});
