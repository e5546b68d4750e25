import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { OLDEST_BROWSERS } from "./browsers.ts";

/** What a shop's page takes over: modules for its own bundler, which brings React and socket.io-client. */
export default defineConfig({
  plugins: [react()],
  build: {
    target: OLDEST_BROWSERS,
    outDir: "dist-library",
    emptyOutDir: true,
    cssCodeSplit: true, // a style sheet of its own for its entry
    lib: {
      entry: {
        index: "src/index.ts",
        react: "src/react.ts",
        paymentToasts: "src/paymentToasts.ts",
        tracker: "src/components/payment/tracker.css",
      },
      formats: ["es"],
    },
    rolldownOptions: {
      external: [/^react(-dom)?($|\/)/, "socket.io-client", "sonner"],
      // A server that renders React components ahead takes its hooks for the browser's.
      output: { banner: ({ name }) => (name === "react" ? '"use client";' : "") },
    },
  },
});
