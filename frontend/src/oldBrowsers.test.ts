import { readFileSync } from "node:fs";
import { build, type InlineConfig, type Rolldown } from "vite";
import { expect, test } from "vitest";

import { newerStyles, newerUses } from "../tests/browserAges";

/** Uses that are safe, by package (ours is "src"): guarded by a check, or of something else with the same name. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  // The first is in a `try`, and nothing is copied without it; the next two are checked; the others are methods of ours.
  src: [".writeText", ".share", ".replaceSync", ".connection", ".getState", ".lost"],
  // The first is checked with `typeof`; `use` is a method of the package.
  react: ["reportError", ".use"],
  scheduler: ["setImmediate"],
  // As above; and view transitions, which our pages do not start.
  "react-dom": [
    ...["reportError", "navigation", ".getState", ".animate", ".getAnimations", ".getKeyframes", ".setKeyframes"],
    ...[".startViewTransition", ".skipTransition"],
  ],
  // Used by WebTransport alone, which the transports do not include.
  "engine.io-parser": ["TransformStream", "BigInt", ".setBigUint64"],
  "engine.io-client": ["WebTransport", ".createBidirectionalStream", ".getWriter"],
  // Checked before it is called.
  preact: [".moveBefore"],
  // Methods of the packages.
  "socket.io-client": [".destroy", ".reconnect"],
  sonner: [".subscribe"],
};

/** Styles that may be ignored without harm. */
const ALLOWED_STYLES = [
  ":focus-visible", // without it the browser draws its own focus ring
  "::marker", // the colour of a step's number
  "user-select", // selects the whole reference at once
  "font-family: ui-monospace", // fallbacks follow it
  ...["text-wrap", "text-underline-offset", "text-decoration-thickness"],
  "color-scheme", // of scroll bars and fields; the colours follow variables
  ...["(forced-colors)", "forced-color-adjust"], // where there is no such mode, there is nothing to adjust
];

type Built = Rolldown.RolldownOutput;

async function buildOf(config: InlineConfig): Promise<Built["output"][number][]> {
  process.env["NODE_ENV"] = "production"; // otherwise React's development build would be examined
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

test.each(["vite.config.ts", "vite.library.config.ts", "vite.element.config.ts"])(
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
