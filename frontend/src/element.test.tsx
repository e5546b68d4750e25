// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { payment, REFERENCE } from "../tests/fakeWire";
import { GatewayAndApi, until } from "../tests/gateway";
import { type BraidsterCheckout, ELEMENT_NAME, type PaymentChange } from "./element";
import { PAYMENT_STATUS } from "./paymentContract";

const ORDER = { "order-id": "order-1", amount: "5000", currency: "XAF", locale: "en" };
const TOKEN = `e30.${btoa(JSON.stringify({ orderId: "order-2", amount: 700, currency: "XAF" }))}.signature`;

let server: GatewayAndApi;
let element: BraidsterCheckout;
let told: [string, PaymentChange][];

beforeEach(async () => {
  sessionStorage.clear();
  server = await new GatewayAndApi().start();
  element = document.createElement(ELEMENT_NAME);
  told = [];
  for (const name of ["payment-change", "payment-settled"] as const) {
    document.addEventListener(name, listen);
  }
});

afterEach(async () => {
  element.remove();
  document.removeEventListener("payment-change", listen);
  document.removeEventListener("payment-settled", listen);
  await until(() => server.connections === 0);
  await server.stop();
});

const listen = (event: CustomEvent<PaymentChange>) => void told.push([event.type, event.detail]);
const find = (selector: string) => element.shadowRoot?.querySelector<HTMLElement>(selector) ?? null;
const words = (selector: string) => find(selector)?.textContent ?? null;

function show(attributes: Record<string, string>): void {
  element.setAttribute("api-url", server.url);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (!element.isConnected) document.body.append(element);
}

async function pay(number: string): Promise<void> {
  await until(() => find("form") !== null);
  const input = find(".bp-phone") as HTMLInputElement;
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(input, number);
  input.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  await until(() => words(".bp-operator") !== null);
  find("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
}

test("shows the form of its order, and of another one when the attributes change", async () => {
  show(ORDER);
  await until(() => /^Pay FCFA.5,000$/.test(words(".bp-pay") ?? ""));
  show({ "order-token": TOKEN, locale: "fr" });
  await until(() => /^Payer 700.FCFA$/.test(words(".bp-pay") ?? ""));
});

test.each([
  ["amount", ""],
  ["amount", "5000.5"],
  ["order-id", ""],
  ["currency", ""],
])("without an order it shows nothing: %s=%j", async (missing, wrong) => {
  show(ORDER);
  await until(() => find("form") !== null);
  show({ [missing]: wrong });
  await until(() => find("form") === null);
});

test("pays, and tells the page of each version, and once of the outcome", async () => {
  const pending = payment({ orderId: "order-1" });
  server.respond = (request) =>
    request.url?.endsWith("/initiate") ? [201, { ...pending, trackingToken: "a-token" }] : [200, {}];
  server.track = () => ({ ok: true, payment: pending });
  show(ORDER);
  await pay("677777777");
  await until(() => find(".bp-tracker")?.dataset["version"] === "2" && server.tracked.length > 0);
  server.emit(PAYMENT_STATUS, payment({ version: 3, status: "SUCCESSFUL" }));
  await until(() => find(".bp-tracker")?.dataset["picture"] === "approved");
  server.emit(PAYMENT_STATUS, payment({ version: 4, status: "SUCCESSFUL" }));
  await until(() => find(".bp-tracker")?.dataset["version"] === "4");
  expect(told.map(([type, { payment }]) => [type, payment.version])).toEqual([
    ["payment-change", 2],
    ["payment-change", 3],
    ["payment-settled", 3],
    ["payment-change", 4],
  ]);
  expect(told[0]?.[1]).toMatchObject({ previous: null, payment: { reference: REFERENCE } });
});

test("goes on after it was moved in the page, and leaves no connection when it is taken out", async () => {
  const pending = payment({ orderId: "order-1" });
  server.current = { ...pending, trackingToken: "a-token" };
  server.track = () => ({ ok: true, payment: pending });
  show(ORDER);
  await until(() => find(".bp-tracker") !== null && server.connections === 1);
  const elsewhere = document.body.appendChild(document.createElement("div"));
  elsewhere.append(element);
  await until(() => find(".bp-tracker")?.dataset["version"] === "2" && server.connections === 1);
  elsewhere.remove();
  await until(() => server.connections === 0);
});

test("offers to go on only where the shop says where to", async () => {
  const paid = payment({ orderId: "order-1", status: "SUCCESSFUL", version: 3 });
  server.current = { ...paid, trackingToken: "a-token" };
  server.track = () => ({ ok: true, payment: paid });
  show(ORDER);
  await until(() => find(".bp-tracker")?.dataset["picture"] === "approved");
  expect(find(".bp-continue")).toBeNull();
  show({ "continue-url": "#thank-you" });
  await until(() => find(".bp-continue") !== null);
});

test("names the shop, the prompt and the way to the shop as its attributes say", async () => {
  const pending = payment({ orderId: "order-1", createdAt: new Date().toISOString() });
  const waiting = { ...pending, expiresAt: new Date(Date.now() + 300_000).toISOString() };
  server.current = { ...waiting, trackingToken: "a-token" };
  server.track = () => ({ ok: true, payment: waiting });
  show({ ...ORDER, "merchant-name": "BraidSter", "prompt-name": "CAMPAY", support: "+237 6 99 00 11 22" });
  await until(() => find(".bp-tracker")?.dataset["picture"] === "checkPhone");
  expect(words(".bp-sentence")).toBe(
    "The MTN MoMo prompt for BraidSter is coming to your phone. It shows the name CAMPAY.",
  );
  expect(find(".bp-support a")?.getAttribute("href")).toContain("https://wa.me/237699001122?text=");
});

test("without its form it shows the order's payment alone", async () => {
  show({ ...ORDER, "follow-only": "" });
  await until(() => server.currentCalls.length > 0);
  expect(find("form")).toBeNull();
  const paid = payment({ orderId: "order-2", status: "SUCCESSFUL", version: 3 });
  server.current = { ...paid, trackingToken: "a-token" };
  server.track = () => ({ ok: true, payment: paid });
  show({ "order-id": "order-2" });
  await until(() => find(".bp-tracker")?.dataset["picture"] === "approved");
});

test("two on one page each have their own order, and one that is taken out leaves the other its connection", async () => {
  const other = document.createElement(ELEMENT_NAME);
  const pending = payment({ orderId: "order-1" });
  server.current = { ...pending, trackingToken: "a-token" };
  server.track = () => ({ ok: true, payment: pending });
  show(ORDER);
  await until(() => find(".bp-tracker")?.dataset["version"] === "2" && server.tracked.length > 0);
  server.current = null;
  for (const [name, value] of Object.entries({
    ...ORDER,
    "order-id": "order-2",
    amount: "700",
    "api-url": server.url,
  })) {
    other.setAttribute(name, value);
  }
  document.body.append(other);
  await until(() => /^Pay FCFA.700$/.test(other.shadowRoot?.querySelector(".bp-pay")?.textContent ?? ""));
  other.remove();
  server.emit(PAYMENT_STATUS, payment({ orderId: "order-1", version: 3, status: "SUCCESSFUL" }));
  await until(() => find(".bp-tracker")?.dataset["picture"] === "approved");
  expect(server.connections).toBe(1);
});

test("a script that comes twice defines the element once", async () => {
  vi.resetModules();
  const again = await import("./element");
  expect(again.BraidsterCheckout).not.toBe(customElements.get(ELEMENT_NAME));
  show(ORDER);
  await until(() => find("form") !== null);
});
