import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { describe, expect, test } from "vitest";

/** Bytes on the wire of all scripts and styles of a build, by the build's configuration file. */
async function gzipped(configFile: string): Promise<number> {
  const outputs = (await build({ configFile, logLevel: "error", build: { write: false } })) as
    | Rolldown.RolldownOutput
    | Rolldown.RolldownOutput[];
  const files = [outputs].flat().flatMap(({ output }) => output);
  const texts = files.filter(({ fileName }) => /\.(js|css)$/.test(fileName));
  expect(texts.length).toBeGreaterThan(0);
  return texts.reduce((sum, file) => sum + gzipSync(file.type === "chunk" ? file.code : file.source).length, 0);
}

describe("customers pay for every byte", () => {
  test("hook and tracker, without React and socket.io-client: under 12 kB", async () => {
    const bytes = await gzipped("vite.library.config.ts");
    console.info(`library: ${bytes} bytes gzipped`);
    expect(bytes).toBeLessThan(12_000);
  });

  test("the whole test page: under 120 kB", async () => {
    const bytes = await gzipped("vite.config.ts");
    console.info(`test page: ${bytes} bytes gzipped`);
    expect(bytes).toBeLessThan(120_000);
  });
});
