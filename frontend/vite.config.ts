import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The test page, as the gateway serves it in development. */
export default defineConfig({
  root: "payment-test",
  base: "/payment-test/",
  plugins: [react()],
  build: { outDir: "../dist", emptyOutDir: true, sourcemap: false },
});
