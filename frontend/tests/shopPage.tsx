import { renderToString } from "react-dom/server";
import { vi } from "vitest";

import { rememberedToken } from "../src/index";
import { PaymentTracker, ProblemWords, useCheckout, usePaymentSocket } from "../src/react";
import { payment, REFERENCE, REFUSAL } from "./fakeWire";

export const ORDER = { orderId: "order-1", amount: 5000, currency: "XAF" };

/** A shop's page that leaves the language to the library; it shows a form or the payment. */
export function ShopPage({ url }: { readonly url: string }) {
  const { phase, phoneNumber, ...tracking } = useCheckout({ apiUrl: url, gatewayUrl: url, order: ORDER });
  if (phase === "ready") return <form data-number={phoneNumber} />;
  return <PaymentTracker {...tracking} phase={phase} />;
}

/** The confirmation page of the same tab: its URL has the reference, the browser has the token. */
export function ConfirmationPage({ url }: { readonly url: string }) {
  const target = { apiUrl: url, gatewayUrl: url, reference: REFERENCE, token: rememberedToken(REFERENCE) };
  return <PaymentTracker {...usePaymentSocket(target)} />;
}

/** A page rendered with an active payment and a temporary problem, both of which count down. */
export function CountingPage({ now }: { readonly now: number }) {
  const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
  return (
    <>
      <PaymentTracker payment={payment({ createdAt: at(0), expiresAt: at(300) })} connection="connecting" />
      <p>
        <ProblemWords problem={REFUSAL} retryAt={now + 300_000} />
      </p>
    </>
  );
}

const OF_THE_BROWSER = ["window", "document", "navigator", "sessionStorage", "localStorage"];

/** Renders `page` to HTML without a browser's globals, as on a server. */
export function renderOnServer(page: React.ReactNode): string {
  for (const name of OF_THE_BROWSER) vi.stubGlobal(name, undefined);
  try {
    return renderToString(page);
  } finally {
    vi.unstubAllGlobals();
  }
}
