/** Exports what a React page needs: the checkout's hook, and the components that show what it returns. */

export { PaymentCheckout, type PaymentCheckoutProps } from "./components/payment/PaymentCheckout";
export { PaymentTracker, type PaymentTrackerProps } from "./components/payment/PaymentTracker";
export { PhoneForm, type PhoneFormProps } from "./components/payment/PhoneForm";
export { ProblemWords, type ProblemWordsProps } from "./components/payment/ProblemWords";
export { type CheckoutHookOptions, type CheckoutTracking, useCheckout } from "./hooks/useCheckout";
export { type PaymentSocketOptions, type PaymentTracking, usePaymentSocket } from "./hooks/usePaymentSocket";
