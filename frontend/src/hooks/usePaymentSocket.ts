import { useEffect, useMemo, useSyncExternalStore } from "react";

import type { PaymentEvent } from "../paymentContract";
import type { TrackedPayment } from "../paymentSocket";
import {
  createPaymentWatch,
  isSettled,
  isWaiting,
  NO_PAYMENT,
  type WatchHandlers,
  type WatchState,
} from "../paymentWatch";

/** `reference` and `token` are null as long as there is no payment yet. */
export interface PaymentSocketOptions extends WatchHandlers, Pick<TrackedPayment, "gatewayUrl" | "apiUrl"> {
  readonly reference: string | null;
  readonly token: string | null;
}

export interface PaymentTracking extends WatchState {
  /** The outcome is known. EXPIRED is not settled: an approval that comes later still counts. */
  readonly isSettled: boolean;
  /** Reads the payment now, and connects now where the connection is down. */
  readonly refetch: () => Promise<void>;
  /** While it waits for an approval, else undefined: ends the wait, and resolves to what is then known; it may be paid. */
  readonly giveUp: (() => Promise<PaymentEvent | null>) | undefined;
  /** Ends the tracking for good. */
  readonly stop: () => void;
}

/** Follows one payment for as long as the component is mounted. */
export function usePaymentSocket(options: PaymentSocketOptions): PaymentTracking {
  const { gatewayUrl, apiUrl, reference, token, onChange, onEvent } = options;
  const watch = useMemo(
    () => createPaymentWatch(reference && token ? { gatewayUrl, apiUrl, reference, token } : null),
    [gatewayUrl, apiUrl, reference, token],
  );
  useEffect(() => {
    watch.handlers = { onChange, onEvent };
  }, [watch, onChange, onEvent]);
  const state = useSyncExternalStore(watch.subscribe, watch.getState, () => NO_PAYMENT);
  return {
    ...state,
    isSettled: isSettled(state.payment),
    refetch: watch.refetch,
    giveUp: mayGiveUp(state) ? watch.giveUp : undefined,
    stop: watch.stop,
  };
}

function mayGiveUp({ payment, connection }: WatchState): boolean {
  return isWaiting(payment) && connection !== "refused" && connection !== "stopped";
}
