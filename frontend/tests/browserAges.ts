/**
 * Finds uses in built scripts and style sheets that the oldest browsers lack, by MDN's compatibility data. It misses a
 * new method that shares its name with an old one, such as `matchMedia(...).addEventListener`.
 */

import { SourceMap } from "node:module";
import type { BrowserName, CompatStatement, Identifier } from "@mdn/browser-compat-data";
import bcd from "@mdn/browser-compat-data/forLegacyNode"; // read by Node; the other entry is a JSON that Vite would bundle
import postcss, { type Declaration, type Rule } from "postcss";
import { parseAst, type Rolldown } from "vite";

import { OLDEST_BROWSERS } from "../browsers.ts";

export interface Use {
  /** The use as in the script: `structuredClone`, `AbortSignal.timeout`, or `.replaceChildren` of whatever object. */
  readonly name: string;
  /** The source file and line, counted from 1. */
  readonly file: string;
  readonly line: number;
}

type Node = { type: string; start: number } & Record<string, unknown>;

const OLDEST = OLDEST_BROWSERS.map((browser) => {
  const [, name, version] = /^([a-z]+)(\d+)$/.exec(browser) as unknown as [string, BrowserName, string];
  return { name, version: Number(version) };
});

/** Whether each of the oldest browsers supports it, without a flag or a prefix. */
function isOld({ support }: CompatStatement): boolean {
  return OLDEST.every(({ name, version }) =>
    [support[name] ?? []].flat().some(({ version_added: added, flags, prefix, alternative_name: alias }) => {
      return (
        typeof added === "string" && Number.parseFloat(added.replace("≤", "")) <= version && !flags && !prefix && !alias
      );
    }),
  );
}

/** Maps names to whether they are old. A name of several interfaces is as old as the oldest of them. */
const AGES = agesOfNames();

function agesOfNames(): ReadonlyMap<string, boolean> {
  const ages = new Map<string, boolean>();
  const put = (name: string, entry: Identifier) => {
    if (entry.__compat) ages.set(name, isOld(entry.__compat) || ages.get(name) === true);
  };
  const builtins = bcd.javascript["builtins"] as Identifier;
  for (const [owner, entry] of Object.entries<Identifier>({ ...bcd.api, ...builtins, ...builtins["Intl"] })) {
    put(owner, entry);
    for (const [key, member] of Object.entries<Identifier>(entry)) {
      const name = key.replace(/_static$/, "");
      const isStatic = key !== name || owner === "Intl";
      put(`.${name}`, member);
      if (isStatic || owner === "Window") put(owner === "Window" ? name : `${owner}.${name}`, member);
    }
  }
  return ages;
}

/** Lists each use in a chunk that was built with a source map; one that only passes other chunks on has none. */
export function newerUses({ code, map }: Pick<Rolldown.OutputChunk, "code" | "map">): Use[] {
  const sources = new SourceMap(JSON.parse(String(map ?? `{"version":3,"sources":[],"names":[],"mappings":""}`)));
  return namesIn(parseAst(code) as unknown as Node)
    .filter(({ name }) => AGES.get(name) === false)
    .map(({ name, start }) => {
      const before = code.slice(0, start).split("\n");
      const entry = sources.findEntry(before.length - 1, (before.at(-1) as string).length);
      return "originalSource" in entry
        ? { name, file: entry.originalSource, line: entry.originalLine + 1 }
        : { name, file: "unknown", line: 0 };
    });
}

/** Lists globals, `Global.member`, and called `.method`s: other members may be fields of any object. */
function namesIn(root: Node): { name: string; start: number }[] {
  const found: { name: string; start: number }[] = [];
  const visit = (node: Node, parent: Node | null, key: string) => {
    if (node.type === "Identifier" && !isPropertyName(parent, key))
      found.push({ name: String(node["name"]), start: node.start });
    if (node.type === "MemberExpression" && !node["computed"]) {
      const { name, start } = node["property"] as Node & { name: string };
      const object = node["object"] as Node;
      if (object.type === "Identifier") found.push({ name: `${object["name"]}.${name}`, start });
      if (parent?.type === "CallExpression" && key === "callee") found.push({ name: `.${name}`, start });
    }
    for (const [childKey, value] of Object.entries(node)) {
      for (const child of [value].flat()) if (isNode(child)) visit(child, node, childKey);
    }
  };
  visit(root, null, "");
  return found;
}

function isPropertyName(parent: Node | null, key: string): boolean {
  return (parent?.type === "MemberExpression" && key === "property" && !parent["computed"]) || key === "key";
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

/** Lists what a style sheet uses and the oldest browsers lack, such as `:where`, `clamp()` or `padding-block`. */
export function newerStyles(css: string): string[] {
  const found = new Map<string, Identifier | undefined>();
  const root = postcss.parse(css);
  root.walkRules(({ selector }) => {
    for (const [name, bare] of matches(selector, /::?([a-z-]+)/g)) found.set(name, bcd.css.selectors?.[bare]);
  });
  root.walkAtRules(({ name, params }) => {
    const atRule = bcd.css["at-rules"]?.[name];
    found.set(`@${name}`, atRule);
    for (const [, feature] of matches(params, /\(([a-z-]+)/g)) found.set(`(${feature})`, atRule?.[feature]);
  });
  root.walkDecls((declaration) => {
    for (const [name, entry] of namesInDeclaration(declaration)) found.set(name, entry);
  });
  return [...found].flatMap(([name, entry]) => (entry?.__compat && !isOld(entry.__compat) ? [name] : [])).sort();
}

function* namesInDeclaration(declaration: Declaration): Iterable<[string, Identifier | undefined]> {
  const { prop, value, parent } = declaration;
  const property = bcd.css.properties?.[prop];
  yield [prop, property];
  for (const [, name] of matches(value, /([a-z-]+)\(/g)) {
    yield [`${name}()`, bcd.css.types?.[name] ?? bcd.css.types?.["color"]?.[name]];
  }
  for (const [word] of matches(value, /[a-z-]+/g)) yield [`${prop}: ${word}`, property?.[word]];
  const isFlex = (parent as Rule).some(
    (other) => other.type === "decl" && /^display: *(inline-)?flex/.test(`${other}`),
  );
  if (isFlex) yield [`${prop} in a flex box`, property?.["flex_context"]];
}

function matches(text: string, pattern: RegExp): [string, string][] {
  return [...text.matchAll(pattern)].map(([whole, group]) => [whole, group ?? whole]);
}
