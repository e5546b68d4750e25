import { createHash } from "node:crypto";
import { defineConfig, type Plugin } from "vite";

import { OLDEST_BROWSERS } from "./browsers.ts";
import { PREACT_FOR_REACT, WITHOUT_WEB_TRANSPORT } from "./vite.element.config.ts";

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/**
 * Writes script and style into the page: on a slow network each further request costs seconds. The page's policy allows
 * these two by their hashes, and no other.
 */
const inOneFile: Plugin = {
  name: "in-one-file",
  enforce: "post",
  generateBundle(_, bundle) {
    const files = Object.values(bundle);
    const page = files.find(({ fileName }) => fileName.endsWith(".html"));
    const script = files.find((file) => file.type === "chunk");
    const style = files.find(({ fileName }) => fileName.endsWith(".css"));
    if (page?.type !== "asset" || !script || style?.type !== "asset") throw new Error("the page has other parts");
    const code = script.code.trim().replace(/<\/script/g, "<\\/script");
    const css = String(style.source).trim();
    const policy = [
      ...["default-src 'none'", "img-src data:", "connect-src *", "base-uri 'none'", "form-action 'none'"],
      ...[`script-src ${hashOf(code)}`, "style-src 'unsafe-inline'"],
    ].join("; ");
    page.source = String(page.source)
      .replace(/>\s+</g, "><")
      .replace(/<script type="module"[^>]*src=[^>]*><\/script>/, "")
      .replace(
        /<meta charset="utf-8" ?\/?>/,
        (tag) => `${tag}<meta http-equiv="Content-Security-Policy" content="${policy}">`,
      )
      .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${css}</style>`)
      .replace("</body>", () => `<script type="module">${code}</script></body>`);
    for (const { fileName } of [script, style]) delete bundle[fileName];
  },
};

/** The page of a payment link, as one file. */
export default defineConfig({
  root: "hosted",
  base: "./",
  resolve: { alias: PREACT_FOR_REACT },
  plugins: [WITHOUT_WEB_TRANSPORT, inOneFile],
  build: {
    target: OLDEST_BROWSERS,
    outDir: "../dist-hosted",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
  },
});
