import { type ReactNode, useEffect, useRef, useState } from "react";

import { formatAmount } from "../../currency";
import type { Locale } from "../../locale";
import type { PaymentEvent } from "../../paymentContract";
import { operatorWords, type TrackerTexts } from "./paymentTexts";

interface PaymentFactsProps {
  /** Any payment of the order, for the amount. */
  readonly order: PaymentEvent;
  /** The payment on the screen; null while a further attempt has none yet. */
  readonly payment: PaymentEvent | null;
  readonly locale: Locale;
  readonly texts: TrackerTexts;
}

export function PaymentFacts({ order, payment, locale, texts }: PaymentFactsProps) {
  return (
    <dl className="bp-facts">
      <Fact label={texts.amount} name="amount">
        {formatAmount(order.amount, order.currency, locale)}
      </Fact>
      <Fact label={texts.order} name="order">
        {order.orderId}
      </Fact>
      {payment?.phoneNumber && (
        <Fact label={texts.number} name="number">
          {payment.phoneNumber}
        </Fact>
      )}
      {payment?.operator && (
        <Fact label={texts.operator} name="operator">
          {operatorWords(payment, texts).name}
        </Fact>
      )}
      {payment && (
        <Fact label={texts.reference} name="reference">
          <Reference key={payment.reference} reference={payment.reference} texts={texts} />
        </Fact>
      )}
    </dl>
  );
}

function Fact({ label, name, children }: { readonly label: string; readonly name: string; children: ReactNode }) {
  return (
    <div className={`bp-fact bp-fact-${name}`}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const COPIED_SHOWN_MS = 2_500;

function Reference({ reference, texts }: { readonly reference: string; readonly texts: TrackerTexts }) {
  const code = useRef<HTMLElement>(null);
  const [copies, setCopies] = useState(0);
  useEffect(() => {
    if (copies === 0) return undefined;
    const timer = setTimeout(() => setCopies(0), COPIED_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copies]);

  const copy = async () => {
    if ((await writeToClipboard(reference)) || copySelected(code.current)) setCopies((count) => count + 1);
  };
  const label = copies > 0 ? texts.copied : texts.copy;
  return (
    <>
      <code ref={code}>{reference}</code>
      <button type="button" className="bp-copy" onClick={copy} aria-label={`${label}, ${texts.reference}`}>
        {copies > 0 && "✓ "}
        {label}
      </button>
      <span className="bp-unseen" role="status">
        {copies > 0 && texts.copied}
      </span>
    </>
  );
}

/** Copies a text; returns false where the page is not served over HTTPS or the browser forbids it. */
async function writeToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Copies by a selection. Where this fails too, the reference stays selected, so that it can be copied by hand. */
function copySelected(element: HTMLElement | null): boolean {
  if (element) getSelection()?.selectAllChildren(element);
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  }
}
