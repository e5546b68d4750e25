/**
 * Writes the extension into the imports of the library's declarations: `./checkout` becomes `./checkout.js`. Without it
 * Node's own resolution finds no such file, and every type is silently `any`.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = "dist-library";

for (const name of readdirSync(FOLDER, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const path = join(FOLDER, name);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/((?:from|import\() ?")(\.\.?\/[^"]+?)(")/g, "$1$2.js$3"));
}
