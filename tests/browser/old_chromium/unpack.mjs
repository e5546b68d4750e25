import { readFileSync, writeFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";

const modules = new URL("node_modules/", import.meta.url);
const packed = readFileSync(new URL("chrome-aws-lambda/bin/chromium.br", modules));
writeFileSync(new URL(".chromium", modules), brotliDecompressSync(packed), { mode: 0o755 });
