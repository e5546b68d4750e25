import { defineConfig, type Plugin } from "vite";

import { OLDEST_BROWSERS } from "./browsers.ts";

const RENDERER = new URL("src/elementRenderer.ts", import.meta.url).pathname;

/** The alias by which Preact renders the components, which the element brings with it: React is 15 times as large. */
export const PREACT_FOR_REACT = [
  { find: /^react\/jsx-(dev-)?runtime$/, replacement: "preact/jsx-runtime" },
  { find: /^react(-dom\/client)?$/, replacement: RENDERER },
];

/** Leaves out of socket.io-client the transport that is never asked for. */
export const WITHOUT_WEB_TRANSPORT: Plugin = {
  name: "without-web-transport",
  load: (id) => (/engine\.io-client\/.*\/webtransport\.js$/.test(id) ? "export class WT {}" : null),
};

/**
 * The element: for a bundler, which brings socket.io-client; with `--mode script` for a plain <script>, with all that it
 * needs.
 */
export default defineConfig(({ mode }) => {
  const isScript = mode === "script";
  return {
    define: { "process.env.NODE_ENV": '"production"' },
    resolve: { alias: PREACT_FOR_REACT },
    plugins: [WITHOUT_WEB_TRANSPORT],
    oxc: { jsx: { runtime: "automatic" } },
    build: {
      target: OLDEST_BROWSERS,
      outDir: "dist-library",
      emptyOutDir: false,
      minify: isScript ? "oxc" : false,
      lib: {
        entry: "src/element.tsx",
        formats: [isScript ? "iife" : "es"],
        name: "braidsterCheckout",
        fileName: () => (isScript ? "braidster-checkout.js" : "element.js"),
      },
      rolldownOptions: { external: isScript ? [] : ["socket.io-client"] },
    },
  };
});
