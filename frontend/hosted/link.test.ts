import { afterEach, expect, test, vi } from "vitest";

import { addressesOf, readLink, readServed } from "./link";

const LINK = {
  linkId: "abc",
  status: "open",
  orderId: "order-1",
  amount: 5000,
  currency: "XAF",
  description: "",
  merchantName: "Chez Awa",
  support: null,
  orderToken: "a.b.c",
};

afterEach(() => vi.unstubAllGlobals());

test.each([
  ["/pay/abc", "https://pay.shop.example", "abc"],
  ["/prod/pay/abc/", "https://pay.shop.example/prod", "abc"],
])("the API is where the page is: %s", (pathname, apiUrl, linkId) => {
  expect(addressesOf({ origin: "https://pay.shop.example", pathname })).toEqual({ apiUrl, linkId });
});

test("what the server wrote into the page is taken; what is no link is asked for", () => {
  const gatewayUrl = "https://live.shop.example";
  expect(readServed(JSON.stringify({ gatewayUrl, link: LINK }))).toEqual({ gatewayUrl, link: LINK });
  for (const link of [null, {}, { ...LINK, amount: "5000" }, { ...LINK, status: "new" }]) {
    expect(readServed(JSON.stringify({ gatewayUrl, link }))).toEqual({ gatewayUrl, link: null });
  }
  expect(readServed("null")).toBeNull();
  expect(readServed(null)).toBeNull();
});

function answering(reply: () => Response) {
  const asked: unknown[] = [];
  vi.stubGlobal("fetch", async (url: unknown) => {
    asked.push(url);
    return reply();
  });
  return asked;
}

test("the link is read from the API", async () => {
  const asked = answering(() => Response.json(LINK));
  expect(await readLink("https://pay.shop.example/prod", "abc")).toEqual(LINK);
  expect(asked).toEqual(["https://pay.shop.example/prod/api/payment/links/abc"]);
});

test.each([
  [
    "a link that is not there is no lost connection",
    () => Response.json({ code: "not_found" }, { status: 404 }),
    "unknown",
  ],
  ["a refusal is", () => Response.json({ code: "limit_reached" }, { status: 429 }), "unreachable"],
  ["another's page is", () => new Response("<html>"), "unreachable"],
  [
    "no network is",
    () => {
      throw new TypeError("Failed to fetch");
    },
    "unreachable",
  ],
])("%s", async (_, reply, wanted) => {
  answering(reply);
  expect(await readLink("", "abc")).toBe(wanted);
});
