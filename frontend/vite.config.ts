import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The test pages, as the gateway serves them in development. */
export default defineConfig({
  root: "payment-test",
  base: "/payment-test/",
  plugins: [react()],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    rolldownOptions: { input: ["payment-test/index.html", "payment-test/plain.html"] },
  },
});
