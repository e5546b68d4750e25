import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { readAddresses } from "./addresses";
import { openOrder } from "./order";
import { TestPage } from "./TestPage";
import "../src/components/payment/tracker.css";
import "./page.css";

async function start(): Promise<void> {
  const root = createRoot(document.getElementById("root") as HTMLElement);
  const addresses = await readAddresses();
  const order = openOrder();
  document.documentElement.lang = order.locale;
  root.render(
    <StrictMode>
      <TestPage addresses={addresses} order={order} />
    </StrictMode>,
  );
}

void start(); // Chrome 80 does not support a top-level await
