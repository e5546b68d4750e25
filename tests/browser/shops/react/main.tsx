import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Checkout } from "./Checkout";

interface Shop {
  readonly orderToken: string;
  readonly apiUrl: string;
  readonly gatewayUrl: string;
}

const shop = (await (await fetch(`/shop.json${location.search}`)).json()) as Shop;
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Checkout {...shop} />
  </StrictMode>,
);
