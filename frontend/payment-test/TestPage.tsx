import { useCallback, useState } from "react";
import { Toaster } from "sonner";

import { PaymentTracker } from "../src/components/payment/PaymentTracker";
import { ProblemWords } from "../src/components/payment/ProblemWords";
import { useCheckout } from "../src/hooks/useCheckout";
import { toastPaymentChange } from "../src/paymentToasts";
import type { Addresses } from "./addresses";
import { CheckoutForm } from "./CheckoutForm";
import { type ArrivedEvent, EventStream } from "./EventStream";
import { openNewOrder, type TestOrder } from "./order";
import { WhatIf } from "./WhatIf";

/** Shows a small shop: its order, the payment, the events, and the simulator's controls. */
export function TestPage({ addresses, order }: { readonly addresses: Addresses; readonly order: TestOrder }) {
  const [events, setEvents] = useState<readonly ArrivedEvent[]>([]);
  const onEvent = useCallback(
    (name: string, payload: unknown) =>
      setEvents((seen) => [...seen, { number: seen.length, name, payload, at: new Date() }]),
    [],
  );
  const { orderId, amount, currency, locale } = order;
  const checkout = useCheckout({
    ...addresses,
    order: { orderId, amount, currency },
    locale,
    onEvent,
    onChange: toastPaymentChange,
  });
  const { phase, problem, retryAt, phoneNumber, reference, payment, connection, pay, retry, changeNumber, giveUp } =
    checkout;
  const newOrder = () => openNewOrder(order);

  return (
    <div className="page">
      <header className="page-header">
        <p className="brand">BraidSter</p>
        <p className="badge">test shop</p>
        <nav aria-label="Language">
          {(["fr", "en"] as const).map((language) => (
            <a key={language} href={`?${queryIn(language)}`} aria-current={language === locale || undefined}>
              {language.toUpperCase()}
            </a>
          ))}
        </nav>
      </header>
      <main className="columns">
        <div className="shop">
          {phase === "ready" ? (
            <CheckoutForm {...{ order, problem, retryAt, pay, newOrder }} lastNumber={phoneNumber} />
          ) : (
            <>
              <PaymentTracker
                {...checkout}
                phase={phase}
                locale={locale}
                onCancel={checkout.cancel}
                onRetry={retry}
                onChangeNumber={changeNumber}
                onGiveUp={giveUp}
                onContinue={newOrder}
              />
              {problem && payment && (
                <p className="notice">
                  <ProblemWords problem={problem} retryAt={retryAt} locale={locale} />
                </p>
              )}
            </>
          )}
        </div>
        <aside className="backstage" aria-label="Behind the scenes">
          <WhatIf addresses={addresses} reference={reference} refetch={checkout.refetch} newOrder={newOrder} />
          <EventStream events={events} connection={connection} />
        </aside>
      </main>
      <Toaster position="bottom-right" theme="system" closeButton />
    </div>
  );
}

function queryIn(language: string): string {
  const query = new URLSearchParams(window.location.search);
  query.set("locale", language);
  return query.toString();
}
