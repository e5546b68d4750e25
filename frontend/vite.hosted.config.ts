import { createHash } from "node:crypto";
import { defineConfig, type Plugin } from "vite";

import { OLDEST_BROWSERS } from "./browsers.ts";
import { FOR_ONE_FILE, PREACT_FOR_REACT } from "./vite.element.config.ts";

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Returns a chunk as a classic script, which runs as soon as it has come, with names of its own. */
const scriptOf = ({ code }: { readonly code: string }) =>
  `(()=>{"use strict";${code.trim().replace(/<\/script/g, "<\\/script")}})()`;

/**
 * Writes scripts and style into the page: on a slow network each further request costs seconds. The page's policy allows
 * the scripts by their hashes, and no other. socket.io-client comes last, when the form is there.
 */
const inOneFile: Plugin = {
  name: "in-one-file",
  enforce: "post",
  generateBundle(_, bundle) {
    const files = Object.values(bundle);
    const chunks = files.filter((file) => file.type === "chunk");
    const page = files.find(({ fileName }) => fileName.endsWith(".html"));
    const main = chunks.find(({ name }) => name === "page");
    const socket = chunks.find(({ name }) => name === "socket");
    const style = files.find(({ fileName }) => fileName.endsWith(".css"));
    if (page?.type !== "asset" || style?.type !== "asset" || !main || !socket || files.length !== 4) {
      throw new Error(`the page has other parts: ${files.map(({ fileName }) => fileName)}`);
    }
    const scripts = [main, socket].map(scriptOf);
    const policy = [
      ...["default-src 'none'", "img-src data:", "connect-src *", "base-uri 'none'", "form-action 'none'"],
      ...[`script-src ${scripts.map(hashOf).join(" ")}`, "style-src 'unsafe-inline'"],
    ].join("; ");
    page.source = String(page.source)
      .replace(/>\s+</g, "><")
      .replace(/<script type="module"[^>]*src=[^>]*><\/script>/, "")
      .replace(
        /<meta charset="utf-8" ?\/?>/,
        (tag) => `${tag}<meta http-equiv="Content-Security-Policy" content="${policy}">`,
      )
      .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${String(style.source).trim()}</style>`)
      .replace("</body>", () => `${scripts.map((script) => `<script>${script}</script>`).join("")}</body>`);
    for (const { fileName } of [main, socket, style]) delete bundle[fileName];
  },
};

/** Has the page wait for its own end, where socket.io-client is, and not for a further file. */
const LATE_SOCKET = {
  find: /^.*\/socketClient$/,
  replacement: new URL("hosted/lateSocket.ts", import.meta.url).pathname,
};

/** The page of a payment link, as one file. */
export default defineConfig({
  root: "hosted",
  base: "./",
  resolve: { alias: [LATE_SOCKET, ...PREACT_FOR_REACT] },
  plugins: [FOR_ONE_FILE, inOneFile],
  build: {
    target: OLDEST_BROWSERS,
    outDir: "../dist-hosted",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { page: "hosted/index.html", socket: "hosted/socket.ts" } },
  },
});
