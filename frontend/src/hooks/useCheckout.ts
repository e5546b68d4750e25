import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";

import { type CheckoutPhase, createCheckout, mayRetry, NO_ATTEMPT } from "../checkout";
import type { Locale } from "../locale";
import type { OperatorNotice, Problem } from "../paymentContract";
import { dropPrepared, type Order, prepareConnection } from "../paymentSocket";
import type { WatchHandlers } from "../paymentWatch";
import { type PaymentTracking, usePaymentSocket } from "./usePaymentSocket";

export interface CheckoutHookOptions extends WatchHandlers {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  /** The order token that the shop's server signed. */
  readonly order: Order;
  /** The language of the API's sentences; by default the browser's. */
  readonly locale?: Locale | undefined;
}

export interface CheckoutTracking extends PaymentTracking {
  /** With `ready` the page shows the form, otherwise the tracker. */
  readonly phase: CheckoutPhase;
  /** Whether it is not known yet if the order has a payment already. The form may be shown meanwhile. */
  readonly isLookingUp: boolean;
  /** Why the last call started nothing, or why the payment cannot be followed. */
  readonly problem: Problem | null;
  /** When trying again makes sense, in milliseconds by this device's clock; null where it is unknown. */
  readonly retryAt: number | null;
  /** The phone number of the last attempt. */
  readonly phoneNumber: string;
  /** The operators, `MTN` or `Orange`, whose payments fail for technical reasons just now; the form warns of them. */
  readonly operatorNotice: OperatorNotice;
  /** The reference for the confirmation page, which gets the token by `rememberedToken(reference)`. */
  readonly reference: string | null;
  /** Connects to the gateway ahead of `pay`; for when a whole number is typed. */
  readonly prepare: () => void;
  /** Starts the payment of `phoneNumber` (237, then nine digits); a second tap does nothing. */
  readonly pay: (phoneNumber: string) => void;
  /** Goes back to the form. Undefined once a request has left this device. */
  readonly cancel: (() => void) | undefined;
  /** Starts a further attempt with the same number. Undefined unless the payment is FAILED or EXPIRED, and of this tab. */
  readonly retry: (() => void) | undefined;
  /** Goes back to the form, giving a waiting payment up first. Undefined unless it waits, FAILED or EXPIRED. */
  readonly changeNumber: (() => void) | undefined;
}

/** Runs the checkout of an order, from the form to the outcome of its payment. */
export function useCheckout({ apiUrl, gatewayUrl, order, locale, ...handlers }: CheckoutHookOptions): CheckoutTracking {
  const orderKey = JSON.stringify(order);
  const checkout = useMemo(
    () => createCheckout({ apiUrl, order: JSON.parse(orderKey) as Order, locale }),
    [apiUrl, orderKey, locale],
  );
  const state = useSyncExternalStore(checkout.subscribe, checkout.getState, () => NO_ATTEMPT);
  const { reference, token } = state.shown ?? { reference: null, token: null };
  const tracking = usePaymentSocket({ gatewayUrl, apiUrl, reference, token, known: state.known, ...handlers });
  const prepare = useCallback(() => void prepareConnection(gatewayUrl, checkout), [gatewayUrl, checkout]);
  useEffect(() => () => dropPrepared(checkout), [checkout]);
  const { payment, giveUp } = tracking;
  const isTracking = state.phase === "tracking";
  const isEnded = isTracking && mayRetry(payment);
  const changeNumber = async () => checkout.changeNumber(giveUp ? await giveUp() : payment);
  return {
    ...tracking,
    // A late success of the previous attempt ends the current one.
    phase: payment?.status === "SUCCESSFUL" ? "tracking" : state.phase,
    isLookingUp: state.isLookingUp,
    problem: state.problem ?? tracking.problem,
    retryAt: state.retryAt,
    phoneNumber: state.phoneNumber,
    operatorNotice: state.operatorNotice,
    reference,
    prepare,
    pay: checkout.pay,
    cancel: state.phase === "unsent" ? checkout.cancel : undefined,
    giveUp: isTracking ? giveUp : undefined,
    retry: isEnded && state.phoneNumber ? () => checkout.retry(payment) : undefined,
    changeNumber: isEnded || (isTracking && giveUp) ? changeNumber : undefined,
  };
}
