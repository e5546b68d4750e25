/** Defines `<braidster-checkout>`: an order's whole checkout, for a page of whatever framework, or of none. */

import { createRoot, type Root } from "react-dom/client";

import { PaymentCheckout } from "./components/payment/PaymentCheckout";
import type { PaymentTrackerProps } from "./components/payment/PaymentTracker";
import styles from "./components/payment/tracker.css?inline";
import { useCheckout } from "./hooks/useCheckout";
import type { Locale } from "./locale";
import type { PaymentEvent } from "./paymentContract";
import type { Order } from "./paymentSocket";
import { isSettled } from "./paymentWatch";

export const ELEMENT_NAME = "braidster-checkout";

const ATTRIBUTES = [
  ...["api-url", "gateway-url", "order-token", "order-id", "amount", "currency"],
  ...["locale", "theme", "continue-url", "follow-only", "merchant-name", "prompt-name", "support"],
];

/** The detail of the element's events. `previous`: null for the first version that this page has seen. */
export interface PaymentChange {
  readonly payment: PaymentEvent;
  readonly previous: PaymentEvent | null;
}

// A server that renders the page imports this module too, and has no elements.
const Base = typeof HTMLElement === "undefined" ? (class {} as typeof HTMLElement) : HTMLElement;

/**
 * The checkout as an element. It sends `payment-change` at each newer version of the payment, and `payment-settled`
 * once the outcome is known; a late success sends it again. Its attributes stand in the package's README.
 */
export class BraidsterCheckout extends Base {
  static readonly observedAttributes = ATTRIBUTES;
  private root: Root | null = null;

  connectedCallback(): void {
    this.root = createRoot(contentOf(this.shadowRoot ?? styledShadow(this)));
    this.renderCheckout();
  }

  disconnectedCallback(): void {
    this.root?.unmount();
    this.root = null;
  }

  attributeChangedCallback(): void {
    this.renderCheckout();
  }

  private renderCheckout(): void {
    const apiUrl = this.getAttribute("api-url");
    const order = this.order();
    const locale = this.getAttribute("locale");
    const continueUrl = this.getAttribute("continue-url");
    const shop = {
      merchantName: this.getAttribute("merchant-name") ?? undefined,
      promptName: this.getAttribute("prompt-name") ?? undefined,
      support: this.getAttribute("support") ?? undefined,
    };
    this.root?.render(
      order && apiUrl !== null ? (
        <div data-theme={this.getAttribute("theme") ?? undefined}>
          <ElementCheckout
            apiUrl={apiUrl}
            gatewayUrl={this.getAttribute("gateway-url") ?? apiUrl}
            order={order}
            locale={locale === "fr" || locale === "en" ? locale : undefined}
            shop={shop}
            isFollowOnly={this.hasAttribute("follow-only")}
            onChange={this.tell}
            onContinue={continueUrl === null ? undefined : () => window.location.assign(continueUrl)}
          />
        </div>
      ) : null,
    );
  }

  /** The order: signed, or in development its three facts. Null until the attributes say one. */
  private order(): Order | null {
    const orderToken = this.getAttribute("order-token");
    if (orderToken) return { orderToken };
    const orderId = this.getAttribute("order-id");
    const amount = Number(this.getAttribute("amount") || Number.NaN);
    const currency = this.getAttribute("currency");
    return orderId && currency && Number.isInteger(amount) ? { orderId, amount, currency } : null;
  }

  private readonly tell = (payment: PaymentEvent, previous: PaymentEvent | null): void => {
    const isNews = isSettled(payment) && payment.status !== previous?.status;
    for (const name of isNews ? ["payment-change", "payment-settled"] : ["payment-change"]) {
      const detail: PaymentChange = { payment, previous };
      this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
    }
  };
}

interface ElementCheckoutProps {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly order: Order;
  readonly locale: Locale | undefined;
  readonly shop: Pick<PaymentTrackerProps, "merchantName" | "promptName" | "support">;
  readonly isFollowOnly: boolean;
  readonly onChange: (payment: PaymentEvent, previous: PaymentEvent | null) => void;
  readonly onContinue: (() => void) | undefined;
}

function ElementCheckout({ onContinue, shop, isFollowOnly, ...options }: ElementCheckoutProps) {
  const checkout = useCheckout(options);
  const { order, locale } = options;
  if (isFollowOnly && checkout.phase === "ready") return null;
  return <PaymentCheckout {...checkout} {...shop} order={order} locale={locale} onContinue={onContinue} />;
}

/** Attaches a shadow root, which keeps the page's styles out and ours in. */
function styledShadow(element: HTMLElement): ShadowRoot {
  const shadow = element.attachShadow({ mode: "open" });
  const own = `:host{display:block}${styles}`;
  // A content security policy may forbid <style>; browsers without such sheets have only that.
  if ("adoptedStyleSheets" in shadow) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(own);
    shadow.adoptedStyleSheets = [sheet];
  } else {
    const style = document.createElement("style");
    style.textContent = own;
    (shadow as ShadowRoot).append(style);
  }
  shadow.append(document.createElement("div"));
  return shadow;
}

function contentOf(shadow: ShadowRoot): Element {
  return shadow.lastElementChild as Element;
}

if (typeof customElements !== "undefined" && !customElements.get(ELEMENT_NAME)) {
  customElements.define(ELEMENT_NAME, BraidsterCheckout);
}

declare global {
  interface HTMLElementTagNameMap {
    [ELEMENT_NAME]: BraidsterCheckout;
  }
  interface DocumentEventMap {
    "payment-change": CustomEvent<PaymentChange>;
    "payment-settled": CustomEvent<PaymentChange>;
  }
  interface HTMLElementEventMap {
    "payment-change": CustomEvent<PaymentChange>;
    "payment-settled": CustomEvent<PaymentChange>;
  }
}
