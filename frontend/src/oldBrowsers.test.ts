import { build, type InlineConfig, type Rolldown } from "vite";
import { expect, test } from "vitest";

import { newerUses } from "../tests/browserAges";

/** By package (ours is "src"): what is used in vain or not at all where the browser lacks it, or only shares a name. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  // The first in a `try`, and nothing is copied without it; the others are methods of our own.
  src: [".writeText", ".connection", ".getState", ".lost"],
  // Asked for with `typeof` first.
  react: ["reportError", ".use"],
  scheduler: ["setImmediate"],
  // The same; and view transitions, which no page of ours starts.
  "react-dom": [
    ...["reportError", "navigation", ".getState", ".animate", ".getAnimations", ".getKeyframes", ".setKeyframes"],
    ...[".startViewTransition", ".skipTransition"],
  ],
  // WebTransport alone, which is not among the transports.
  "engine.io-parser": ["TransformStream", "BigInt", ".setBigUint64"],
  "engine.io-client": ["WebTransport", ".createBidirectionalStream", ".getWriter"],
  // Methods of their own.
  "socket.io-client": [".destroy", ".reconnect"],
  sonner: [".subscribe"],
};

async function usesIn(config: InlineConfig): Promise<{ file: string; name: string; where: string }[]> {
  process.env["NODE_ENV"] = "production"; // React's own development build would be examined otherwise
  const outputs = (await build({ ...config, logLevel: "error" })) as
    | Rolldown.RolldownOutput
    | Rolldown.RolldownOutput[];
  const chunks = [outputs].flat().flatMap(({ output }) => output.filter((file) => file.type === "chunk"));
  expect(chunks.length).toBeGreaterThan(0);
  return chunks.flatMap(newerUses).map(({ file, line, name }) => {
    const path = file.replace(/^(\.\.\/)+/, "");
    return { file: path, name, where: `${path}:${line} ${name}` };
  });
}

function isAllowed({ file, name }: { file: string; name: string }): boolean {
  const owner = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file.split("/")[0] ?? "";
  return ALLOWED[owner]?.includes(name) === true;
}

test.each(["vite.config.ts", "vite.library.config.ts"])(
  "what %s builds uses nothing newer than the oldest browsers",
  async (configFile) => {
    const uses = await usesIn({ configFile, build: { write: false, sourcemap: true } });
    expect(uses.filter((use) => !isAllowed(use)).map(({ where }) => where)).toEqual([]);
  },
);

test("a use that is planted is named with its file and line, and a field of the same name is not", async () => {
  const lib = { entry: "tests/plantedInterfaces.ts", formats: ["es" as const] };
  const uses = await usesIn({ configFile: false, build: { write: false, sourcemap: true, lib } });
  expect(uses.map(({ where }) => where.replace("tests/plantedInterfaces.ts:", ""))).toEqual([
    "3 structuredClone",
    "4 AbortSignal.timeout",
    "5 .randomUUID",
    "6 .throwIfAborted",
    "7 .replaceChildren",
    "8 .at",
    "9 .hasOwn",
    "10 Intl.ListFormat",
  ]);
});
