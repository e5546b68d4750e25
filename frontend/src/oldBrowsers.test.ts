import { readFileSync } from "node:fs";
import { build, type InlineConfig, type Rolldown } from "vite";
import { expect, test } from "vitest";

import { newerStyles, newerUses } from "../tests/browserAges";

/** By package (ours is "src"): what is used in vain or not at all where the browser lacks it, or only shares a name. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  // The first in a `try`, and nothing is copied without it; the others are methods of our own.
  src: [".writeText", ".connection", ".getState", ".lost"],
  // Asked for with `typeof` first; `use` is a method of its own.
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

/** What is only nicer with it. */
const ALLOWED_STYLES = [
  ":focus-visible", // without it the browser's own ring is there
  "user-select", // of the reference, as a whole
  "font-family: ui-monospace", // others follow it
  ...["text-wrap", "text-underline-offset", "text-decoration-thickness"],
  "color-scheme", // of scroll bars and fields; the colours follow variables
  ...["(forced-colors)", "forced-color-adjust"], // where there is no such mode, there is nothing to adjust
];

type Built = Rolldown.RolldownOutput;

async function buildOf(config: InlineConfig): Promise<Built["output"][number][]> {
  process.env["NODE_ENV"] = "production"; // React's own development build would be examined otherwise
  const outputs = (await build({ ...config, logLevel: "error" })) as Built | Built[];
  return [outputs].flat().flatMap(({ output }) => output);
}

async function usesIn(config: InlineConfig): Promise<{ file: string; name: string; where: string }[]> {
  const chunks = (await buildOf(config)).filter((file) => file.type === "chunk");
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

test.each(["vite.config.ts", "vite.library.config.ts"])(
  "the styles that %s builds need nothing newer",
  async (configFile) => {
    const files = await buildOf({ configFile, build: { write: false } });
    const styles = files.filter((file) => file.type === "asset").filter(({ fileName }) => fileName.endsWith(".css"));
    expect(styles).toHaveLength(1);
    const found = styles.flatMap(({ source }) => newerStyles(String(source)));
    expect(
      found.filter((name) => !ALLOWED_STYLES.some((allowed) => name === allowed || name.startsWith(`${allowed}: `))),
    ).toEqual([]);
  },
);

test("styles that are planted are found, and a grid's gap is not", () => {
  expect(newerStyles(readFileSync("tests/plantedStyles.css", "utf8"))).toEqual([
    ":where",
    "@container",
    "clamp()",
    "gap in a flex box",
    "overflow-wrap: anywhere",
    "padding-block",
  ]);
});
