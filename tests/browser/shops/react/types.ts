/** Refuses to compile where the package's types are `any`. */

import { createCheckout } from "braidster-payments";
import { useCheckout } from "braidster-payments/react";

export function wrongly(): void {
  // @ts-expect-error an order is no number
  createCheckout({ apiUrl: "", order: 1 });
  // @ts-expect-error an address is no number
  useCheckout({ apiUrl: 1, gatewayUrl: "", order: { orderToken: "" } });
}
