/** What a shop's page takes at least, for the measure of its size. */
export { PaymentTracker } from "../src/components/payment/PaymentTracker";
export { usePaymentSocket } from "../src/hooks/usePaymentSocket";

import "../src/components/payment/tracker.css";
