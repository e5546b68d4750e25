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

export function PaymentFacts({ order, payment, told, paidAt, texts, list }: PaymentFactsProps) {
  return (
    <dl className="bp-facts" ref={list}>
      <Fact label={texts.shop} name="shop" value={told.shop} />
      <Fact label={texts.order} name="order" value={order.orderId} />
      <Fact label={texts.paidAt} name="paid-at" value={paidAt} />
      <Fact label={texts.number} name="number" value={payment && (told.number || payment.phoneNumber)} />
      <Fact label={texts.operator} name="operator" value={payment?.operator && operatorWords(payment, texts).name} />
      <Fact label={texts.operatorReference} name="transaction" value={payment?.operatorReference} />
      {payment && (
        <Fact
          label={texts.reference}
          name="reference"
          value={<Reference key={payment.reference} reference={payment.reference} texts={texts} />}
        />
      )}
    </dl>
  );
}

/** Shows a fact; nothing where there is no value. */
function Fact({ label, name, value }: { readonly label: string; readonly name: string; value: ReactNode }) {
  if (!value) return null;
  return (
    <div className={`bp-fact bp-fact-${name}`}>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
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
