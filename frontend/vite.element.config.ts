import { defineConfig, type Plugin } from "vite";

import { OLDEST_BROWSERS } from "./browsers.ts";

const RENDERER = new URL("src/elementRenderer.ts", import.meta.url).pathname;

/** The alias by which Preact renders the components, which the element brings with it: React is 15 times as large. */
export const PREACT_FOR_REACT = [
  { find: /^react\/jsx-(dev-)?runtime$/, replacement: "preact/jsx-runtime" },
  { find: /^react(-dom\/client)?$/, replacement: RENDERER },
];

/**
 * What takes the place of modules in one file: socket.io-client is there at once, and without what no payment uses, one
 * transport and binary messages.
 */
const INSTEAD_OF: readonly (readonly [RegExp, string])[] = [
  [/\/src\/socketClient\.ts$/, 'import { io } from "socket.io-client"; export const socketClient = async () => io;'],
  [/\/engine\.io-parser\/.*\/base64-arraybuffer\.js$/, "export const decode = (text) => text;"],
  [
    /\/engine\.io-parser\/.*\/encodePacket\.browser\.js$/,
    'import { PACKET_TYPES } from "./commons.js"; export const encodePacketToBinary = null, ' +
      "encodePacket = ({ type, data }, _, done) => done(PACKET_TYPES[type] + (data || ''));",
  ],
  [/\/engine\.io-client\/.*\/webtransport\.js$/, "export class WT {}"],
  [/\/socket\.io-parser\/.*\/is-binary\.js$/, "export const isBinary = () => false, hasBinary = isBinary;"],
  [
    /\/socket\.io-parser\/.*\/binary\.js$/,
    "export const deconstructPacket = (packet) => ({ packet, buffers: [] }), reconstructPacket = (packet) => packet;",
  ],
];

export const FOR_ONE_FILE: Plugin = {
  name: "for-one-file",
  load: (id) => INSTEAD_OF.find(([path]) => path.test(id))?.[1] ?? null,
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
    plugins: isScript ? [FOR_ONE_FILE] : [],
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
