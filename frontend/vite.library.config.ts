import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** What a shop's page takes over: modules for its own bundler, which brings React and socket.io-client. */
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "dist-library",
    emptyOutDir: true,
    lib: {
      entry: { index: "src/index.ts", paymentToasts: "src/paymentToasts.ts" },
      formats: ["es"],
    },
    rolldownOptions: { external: [/^react(-dom)?($|\/)/, "socket.io-client", "sonner"] },
  },
});
