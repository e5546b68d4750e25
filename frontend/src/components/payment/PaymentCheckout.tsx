import { type ReactNode, type RefObject, useLayoutEffect, useRef } from "react";

import type { CheckoutTracking } from "../../hooks/useCheckout";
import { useLocale } from "../../hooks/useLocale";
import type { Locale } from "../../locale";
import type { Order } from "../../paymentSocket";
import { PaymentTracker, type PaymentTrackerProps } from "./PaymentTracker";
import { PhoneForm } from "./PhoneForm";
import { ProblemNotice } from "./ProblemWords";

export interface PaymentCheckoutProps
  extends CheckoutTracking,
    Pick<PaymentTrackerProps, "merchantName" | "promptName" | "support"> {
  /** The order that `useCheckout` was given. */
  readonly order: Order;
  /** The language; by default French, unless the browser prefers English. */
  readonly locale?: Locale | undefined;
  /** Continues to the shop; offered when the order is paid. */
  readonly onContinue?: (() => void) | undefined;
}

/** Shows an order's checkout, as `useCheckout` returns it: the form, then its payment. Styled by `tracker.css`. */
export function PaymentCheckout({ order, onContinue, ...checkout }: PaymentCheckoutProps) {
  const { phase, problem, retryAt, payment, cancel, retry, changeNumber, giveUp } = checkout;
  const locale = useLocale(checkout.locale);
  const isFocusLost = useRef(false);
  if (phase === "ready") {
    return (
      <Part key="form" isFocusLost={isFocusLost}>
        <PhoneForm {...checkout} order={order} locale={locale} />
      </Part>
    );
  }
  return (
    <Part key="payment" isFocusLost={isFocusLost}>
      <PaymentTracker
        {...checkout}
        phase={phase}
        locale={locale}
        onCancel={cancel}
        onRetry={retry}
        onChangeNumber={changeNumber}
        onGiveUp={giveUp}
        onContinue={onContinue}
      />
      {problem && payment && <ProblemNotice problem={problem} retryAt={retryAt} locale={locale} />}
    </Part>
  );
}

interface PartProps {
  /** Whether the part that has just disappeared had the focus. */
  readonly isFocusLost: RefObject<boolean>;
  readonly children: ReactNode;
}

/**
 * Shows one of the checkout's parts. Its field or its heading takes the focus over, which would be lost with the part that
 * disappears.
 */
function Part({ isFocusLost, children }: PartProps) {
  const part = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = part;
    if (current === null) return undefined;
    if (isFocusLost.current) (current.querySelector<HTMLElement>(".bp-phone, .bp-title") ?? current).focus();
    isFocusLost.current = false;
    return () => {
      const { activeElement } = current.getRootNode() as Document | ShadowRoot;
      isFocusLost.current = current.contains(activeElement);
    };
  }, [isFocusLost]);
  return (
    <div className="bp-part" ref={part} tabIndex={-1}>
      {children}
    </div>
  );
}
