/** The page of a payment link: whom and what the customer pays, and the checkout as the library's element. */

import "../src/element";
import { formatAmount } from "../src/currency";
import { browserLocale } from "../src/locale";
import { addressesOf, type PaymentLink, readLink, readServed } from "./link";
import { PAGE_TEXTS } from "./texts";

const locale = browserLocale();
const texts = PAGE_TEXTS[locale];
const main = document.querySelector("main") as HTMLElement;
const { apiUrl, linkId } = addressesOf(window.location);
const served = readServed(document.getElementById("served")?.textContent ?? null);

/** Makes an element with a text, a class, and attributes. */
function make(name: string, text: string, attributes: Readonly<Record<string, string | null>> = {}): HTMLElement {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(key, value);
  return element;
}

function show(title: string, ...content: HTMLElement[]): void {
  main.textContent = "";
  main.removeAttribute("aria-busy");
  main.append(make("h1", title), ...content);
  document.title = title;
}

function showLink(link: PaymentLink): void {
  const { status, orderId, amount, currency, description, merchantName, support, orderToken } = link;
  const isOver = status === "cancelled" || status === "expired";
  const checkout = make("braidster-checkout", "", {
    "api-url": apiUrl,
    "gateway-url": served?.gatewayUrl ?? apiUrl,
    "order-token": orderToken,
    "merchant-name": merchantName,
    support,
    locale,
    "follow-only": status === "open" ? null : "",
  });
  checkout.addEventListener("payment-change", (event) => {
    main.className = event.detail.payment.status === "SUCCESSFUL" ? "paid" : "";
  });
  show(
    merchantName ?? texts.title,
    make("p", formatAmount(amount, currency, locale), { class: "amount" }),
    make("p", [description, texts.order(orderId)].filter(Boolean).join(" · "), { class: "order" }),
    ...(isOver ? [make("p", texts.over[status], { class: "over" })] : []),
    checkout,
  );
}

async function start(): Promise<void> {
  const link = served?.link ?? (await readLink(apiUrl, linkId));
  if (typeof link === "object") return showLink(link);
  if (link === "unknown") return show(texts.title, make("p", texts.unknown));
  const again = make("button", texts.again, { type: "button" });
  again.addEventListener("click", () => void start());
  show(texts.title, make("p", texts.unreachable, { role: "alert" }), again);
}

document.documentElement.lang = locale;
void start(); // Chrome 80 does not support a top-level await
