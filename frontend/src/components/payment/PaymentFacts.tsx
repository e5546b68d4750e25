import { type ReactNode, type RefObject, useRef } from "react";

import type { PaymentEvent } from "../../paymentContract";
import { shortReference } from "./paymentPicture";
import { operatorWords, type Told, type TrackerTexts } from "./paymentTexts";
import { useCopy } from "./useCopy";

interface PaymentFactsProps {
  /** Any payment of the order, for its id. */
  readonly order: PaymentEvent;
  /** The payment on the screen; null while a further attempt has none yet. */
  readonly payment: PaymentEvent | null;
  readonly told: Told;
  /** When the order was paid, in words; null where it is not, or that is not known yet. */
  readonly paidAt: string | null;
  readonly texts: TrackerTexts;
  readonly list: RefObject<HTMLDListElement | null>;
}

type FactName = "shop" | "order" | "paidAt" | "number" | "operator" | "operatorReference" | "reference";

/** Lists what is known of the payment. */
export function PaymentFacts({ order, payment, told, paidAt, texts, list }: PaymentFactsProps) {
  const { reference, operator, operatorReference, phoneNumber } = payment ?? {};
  const facts: Readonly<Record<FactName, ReactNode>> = {
    shop: told.shop,
    order: order.orderId,
    paidAt,
    number: phoneNumber && (told.number || phoneNumber),
    operator: operator && operatorWords(payment, texts).name,
    operatorReference,
    reference: reference && <Reference key={reference} reference={reference} texts={texts} />,
  };
  const names = Object.keys(facts) as FactName[];
  return (
    <dl className="bp-facts" ref={list}>
      {names.map(
        (name) =>
          facts[name] && (
            <div key={name} className={`bp-fact bp-fact-${name}`}>
              <dt>{texts[name]}</dt>
              <dd>{facts[name]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function Reference({ reference, texts }: { readonly reference: string; readonly texts: TrackerTexts }) {
  const code = useRef<HTMLElement>(null);
  const { isCopied, copy } = useCopy(reference, code);
  const label = isCopied ? texts.copied : texts.copy;
  return (
    <>
      <strong>{shortReference(reference)}</strong>
      <code ref={code}>{reference}</code>
      <button type="button" className="bp-copy" onClick={copy} aria-label={`${label}, ${texts.reference}`}>
        {isCopied && "✓ "}
        {label}
      </button>
      <span className="bp-unseen" role="status">
        {isCopied && texts.copied}
      </span>
    </>
  );
}
