import { browserLocale, type Locale } from "../src/locale";

/** The order of the test shop; the API takes an unsigned one in development. */
export interface TestOrder {
  readonly orderId: string;
  readonly amount: number;
  readonly currency: "XAF";
  readonly locale: Locale;
}

/** Opens the order in the page's URL, which keeps it across reloads. */
export function openOrder(): TestOrder {
  const query = new URLSearchParams(window.location.search);
  const given = query.get("locale");
  const locale = given === "fr" || given === "en" ? given : browserLocale();
  const orderId = query.get("order") ?? newOrderId();
  const amount = Number.parseInt(query.get("amount") ?? "", 10) || 5000;
  goTo(orderId, amount, locale, "replaceState");
  return { orderId, amount, currency: "XAF", locale };
}

/** Opens a new order in the same language. */
export function openNewOrder({ amount, locale }: TestOrder): void {
  goTo(newOrderId(), amount, locale, "pushState");
  window.location.reload();
}

function goTo(orderId: string, amount: number, locale: Locale, by: "pushState" | "replaceState"): void {
  const query = new URLSearchParams({ order: orderId, amount: String(amount), locale });
  window.history[by](null, "", `?${query}`);
}

function newOrderId(): string {
  return `test-${Date.now().toString(36)}${Math.floor(Math.random() * 1296).toString(36)}`;
}
