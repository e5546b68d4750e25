import { useCallback, useState } from "react";
import { Toaster } from "sonner";

import { PaymentCheckout } from "../src/components/payment/PaymentCheckout";
import { useCheckout } from "../src/hooks/useCheckout";
import { toastPaymentChange } from "../src/paymentToasts";
import type { Addresses } from "./addresses";
import { type ArrivedEvent, EventStream } from "./EventStream";
import { OrderCard } from "./OrderCard";
import { openNewOrder, type TestOrder } from "./order";
import { WhatIf } from "./WhatIf";

/** Nobody's number: it is one digit short. */
const SUPPORT = "+237 6 99 00 00 0";

/** Shows a small shop: its order, the payment, the events, and the simulator's controls. */
export function TestPage({ addresses, order }: { readonly addresses: Addresses; readonly order: TestOrder }) {
  const [events, setEvents] = useState<readonly ArrivedEvent[]>([]);
  const onEvent = useCallback(
    (name: string, payload: unknown) =>
      setEvents((seen) => [...seen, { number: seen.length, name, payload, at: new Date() }]),
    [],
  );
  const { orderId, amount, currency, locale } = order;
  const facts = { orderId, amount, currency };
  const checkout = useCheckout({ ...addresses, order: facts, locale, onEvent, onChange: toastPaymentChange });
  const { phase, problem, reference, connection } = checkout;
  const [chosen, setChosen] = useState({ number: "", times: 0 });
  const newOrder = () => openNewOrder(order);
  const pay = (number: string) => {
    setChosen(({ times }) => ({ number: "", times }));
    checkout.pay(number);
  };

  return (
    <div className="page">
      <header className="page-header">
        <h1 className="brand">BraidSter</h1>
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
          <OrderCard
            order={order}
            isOpen={phase === "ready"}
            isPaid={problem?.code === "order_already_paid"}
            chooseNumber={(number) => setChosen(({ times }) => ({ number, times: times + 1 }))}
            newOrder={newOrder}
          >
            <PaymentCheckout
              key={chosen.times}
              {...checkout}
              phoneNumber={chosen.number || checkout.phoneNumber}
              pay={pay}
              order={facts}
              locale={locale}
              merchantName="BraidSter"
              support={SUPPORT}
              onContinue={newOrder}
            />
          </OrderCard>
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
