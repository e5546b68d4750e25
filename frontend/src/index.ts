/** Exports what a page needs that brings its own screen: checkout and watch, without a framework, and their types. */

export {
  type Checkout,
  type CheckoutOptions,
  type CheckoutPhase,
  type CheckoutState,
  createCheckout,
  mayRetry,
} from "./checkout";
export { type OrderFacts, rememberedToken } from "./checkoutAttempt";
export { formatAmount } from "./currency";
export { browserLocale, type Locale } from "./locale";
export type { PaymentEvent, PaymentStatus, Problem } from "./paymentContract";
export { isNewer, parsePaymentEvent } from "./paymentContract";
export type { Order, TrackedPayment } from "./paymentSocket";
export {
  type Connection,
  createPaymentWatch,
  type GivingUp,
  isSettled,
  isWaiting,
  type PaymentWatch,
  type WatchHandlers,
  type WatchState,
} from "./paymentWatch";
export { operatorHint, parsePhoneNumber } from "./phoneNumber";
