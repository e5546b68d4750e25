/** Imports the least that a shop's page needs, to measure its size. */
export { PaymentTracker } from "../src/components/payment/PaymentTracker";
export { usePaymentSocket } from "../src/hooks/usePaymentSocket";

import "../src/components/payment/tracker.css";
