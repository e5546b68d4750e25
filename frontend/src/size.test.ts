import { gzipSync } from "node:zlib";
import { build, type InlineConfig, type Rolldown } from "vite";
import { beforeAll, describe, expect, test } from "vitest";

import { OLDEST_BROWSERS } from "../browsers.ts";

// Without this, React's development build would be measured.
beforeAll(() => {
  process.env["NODE_ENV"] = "production";
});

type Built = Rolldown.RolldownOutput;

/** Returns the compressed size of a script or a style, in bytes, without the marks that the last bundler takes out. */
const sizeOfOne = (file: Rolldown.OutputChunk | Rolldown.OutputAsset) =>
  gzipSync(file.type === "chunk" ? file.code.replace(/\/\* @__PURE__ \*\/ ?/g, "") : file.source).length;

/** Returns the compressed size of all scripts and styles of a build, in bytes. */
async function gzipped(config: InlineConfig): Promise<number> {
  const outputs = (await build({ ...config, logLevel: "error" })) as Built | Built[];
  const files = [outputs].flat().flatMap(({ output }) => output);
  const texts = files.filter(({ fileName }) => /\.(js|css)$/.test(fileName));
  expect(texts.length).toBeGreaterThan(0);
  return texts.reduce((sum, file) => sum + sizeOfOne(file), 0);
}

describe("the bytes that a customer loads", () => {
  /** What the package ships, for the oldest browsers, as a shop's bundler minifies it. */
  const shipped = (entry: string[], external: (string | RegExp)[]): InlineConfig => ({
    configFile: false,
    oxc: { jsx: { runtime: "automatic" } },
    build: {
      write: false,
      target: OLDEST_BROWSERS,
      cssCodeSplit: true,
      lib: { entry, formats: ["es"] },
      rolldownOptions: { external, output: { minify: true } },
    },
  });
  const REACT = /^react(-dom)?($|\/)/;
  const STYLE = "src/components/payment/tracker.css";

  test("without socket.io-client and React: the core under 5.5 kB, React's part with its style under 14.7 kB more", async () => {
    const core = await gzipped(shipped(["src/index.ts"], ["socket.io-client"]));
    const all = await gzipped(shipped(["src/index.ts", "src/react.ts", STYLE], ["socket.io-client", REACT]));
    console.info(`core: ${core} bytes gzipped, React's part ${all - core} more`);
    expect(core).toBeLessThan(5_500);
    expect(all - core).toBeLessThan(14_700);
  });

  test("the element with its style: under 20.3 kB without Preact and socket.io-client, its script under 37 kB", async () => {
    const own = await gzipped(shipped(["src/element.tsx"], ["socket.io-client", REACT]));
    const script = await gzipped({ configFile: "vite.element.config.ts", mode: "script", build: { write: false } });
    console.info(`element: ${own} bytes gzipped; with Preact and socket.io-client ${script}`);
    expect(own).toBeLessThan(20_300);
    expect(script).toBeLessThan(37_000);
  });

  test("the whole page of a payment link: under 39 kB", async () => {
    const built = (await build({
      configFile: "vite.hosted.config.ts",
      logLevel: "error",
      build: { write: false },
    })) as Built;
    expect(built.output.map(({ fileName }) => fileName)).toEqual(["index.html"]);
    const [page] = built.output as unknown as [Rolldown.OutputAsset];
    const bytes = gzipSync(page.source).length;
    console.info(`page of a payment link: ${bytes} bytes gzipped`);
    expect(bytes).toBeLessThan(39_000);
  });

  test("the whole test page: under 115 kB", async () => {
    const bytes = await gzipped({ configFile: "vite.config.ts", build: { write: false } });
    console.info(`test page: ${bytes} bytes gzipped`);
    expect(bytes).toBeLessThan(115_000);
  });

  test("a form on React does not wait for socket.io-client", async () => {
    const { output } = (await build({ logLevel: "error", build: { write: false } })) as Built;
    const chunks = output.filter((file) => file.type === "chunk");
    const first = chunks.flatMap((chunk) => (chunk.isEntry ? [chunk.fileName, ...chunk.imports] : []));
    const withSocket = chunks.filter(({ moduleIds }) => moduleIds.some((id) => id.includes("/engine.io-client/")));
    expect(withSocket).toHaveLength(1);
    expect(first).not.toContain(withSocket[0]?.fileName);
  });

  test("nothing of the operators' page is in it", async () => {
    for (const configFile of ["vite.config.ts", "vite.library.config.ts", "vite.element.config.ts"]) {
      const outputs = (await build({ configFile, logLevel: "error", build: { write: false } })) as Built | Built[];
      const chunks = [outputs].flat().flatMap(({ output }) => output.filter((file) => file.type === "chunk"));
      const modules = chunks.flatMap(({ moduleIds }) => moduleIds);
      expect(modules.some((id) => id.includes("/src/paymentContract.ts"))).toBe(true);
      expect(modules.filter((id) => id.includes("/frontend/operator/"))).toEqual([]);
    }
  });
});

describe("the bytes that an operator loads", () => {
  const files = async () => {
    const outputs = (await build({
      configFile: "vite.operator.config.ts",
      logLevel: "error",
      build: { write: false },
    })) as Built;
    return outputs.output.filter(({ fileName }) => /\.(js|css)$/.test(fileName));
  };
  const sizeOf = (some: readonly (Rolldown.OutputChunk | Rolldown.OutputAsset)[]) =>
    some.reduce((sum, file) => sum + sizeOfOne(file), 0);
  /** Returns what a chunk needs: itself, what it imports at once, and the styles of these. */
  const neededBy = (chunk: Rolldown.OutputChunk, all: readonly (Rolldown.OutputChunk | Rolldown.OutputAsset)[]) => {
    const names = new Set([chunk.fileName]);
    for (const name of names) {
      const found = all.find(({ fileName }) => fileName === name);
      if (found?.type !== "chunk") continue;
      for (const next of [...found.imports, ...(found.viteMetadata?.importedCss ?? [])]) names.add(next);
    }
    return names;
  };

  test("first: under 115 kB; for today, with charts and socket, 60 kB more", async () => {
    const all = await files();
    const chunks = all.filter((file) => file.type === "chunk");
    const entry = chunks.find(({ isEntry }) => isEntry);
    const today = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith("/views/Today.tsx"));
    if (!entry || !today) throw new Error("there is no such chunk");
    const first = neededBy(entry, all);
    const more = [...neededBy(today, all)].filter((name) => !first.has(name));
    const bytes = (names: Iterable<string>) => sizeOf(all.filter(({ fileName }) => [...names].includes(fileName)));
    console.info(`operators' page: ${bytes(first)} bytes gzipped, today ${bytes(more)} more`);
    expect(first.size).toBeGreaterThan(1);
    expect(bytes(first)).toBeLessThan(115_500);
    expect(bytes(more)).toBeLessThan(60_000);
    expect(
      chunks.filter(({ moduleIds }) => moduleIds.some((id) => id.includes("uplot"))).map((it) => it.fileName),
    ).toEqual(
      [...more].filter((name) =>
        chunks.find((it) => it.fileName === name)?.moduleIds.some((id) => id.includes("uplot")),
      ),
    );
  });
});
