// @vitest-environment node
import { renderToString } from "react-dom/server";
import { beforeAll, expect, test } from "vitest";

const OF_THE_BROWSER = ["window", "document", "navigator", "sessionStorage", "localStorage"];

beforeAll(() => {
  // Later versions of Node define some of these, which would hide that the library uses them.
  for (const name of OF_THE_BROWSER) Reflect.deleteProperty(globalThis, name);
});

test("the library loads and renders on a server, where there is no browser", async () => {
  expect(OF_THE_BROWSER.filter((name) => name in globalThis)).toEqual([]);
  const { CountingPage, ShopPage } = await import("../tests/shopPage");
  expect(renderToString(<ShopPage url="http://shop.test" />)).toContain("<form");
  const html = renderToString(<CountingPage now={Date.now()} />);
  expect(html).toContain('lang="fr"');
  expect(html).not.toContain('role="timer"');
});

test("a page may ask for the language and a token there", async () => {
  const { browserLocale, rememberedToken } = await import("./index");
  expect([browserLocale(), rememberedToken("a-reference")]).toEqual(["fr", null]);
});
