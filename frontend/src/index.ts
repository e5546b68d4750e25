/** Exports what a shop's page needs: the checkout, the tracker, and the types of events and replies. */

export type { CheckoutPhase } from "./checkout";
export { rememberedToken } from "./checkoutAttempt";
export { PaymentCheckout, type PaymentCheckoutProps } from "./components/payment/PaymentCheckout";
export { PaymentTracker, type PaymentTrackerProps } from "./components/payment/PaymentTracker";
export { PhoneForm, type PhoneFormProps } from "./components/payment/PhoneForm";
export { ProblemWords, type ProblemWordsProps } from "./components/payment/ProblemWords";
export { type CheckoutHookOptions, type CheckoutTracking, useCheckout } from "./hooks/useCheckout";
export { type PaymentSocketOptions, type PaymentTracking, usePaymentSocket } from "./hooks/usePaymentSocket";
export { browserLocale, type Locale } from "./locale";
export type { PaymentEvent, PaymentStatus, Problem } from "./paymentContract";
export { isNewer, parsePaymentEvent } from "./paymentContract";
export type { Order } from "./paymentSocket";
export { type Connection, createPaymentWatch, type PaymentWatch } from "./paymentWatch";
export { operatorHint, parsePhoneNumber } from "./phoneNumber";
