/** Starts the operators' page: reads where the API is, then shows the page. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import { createApi } from "./api";
import { createPreferences } from "./preferences";
import { createSession } from "./session";
import { TEXTS } from "./texts";
import "../src/components/payment/tracker.css";
import "./theme.css";
import "./page.css";

const root = createRoot(document.getElementById("root") as HTMLElement);
const preferences = createPreferences(document.documentElement, window.localStorage);

/** The URLs of the system's parts, as the server of this page has them. */
interface Addresses {
  /** Empty where it is the page's own origin. */
  readonly apiUrl: string;
  /** Of the gateway; where it is not set, nothing is pushed to the page. */
  readonly gatewayUrl?: string;
}

/** Of this script, which lies in a folder beside the addresses, whatever stands before both. */
const HERE = import.meta.url;

async function start(): Promise<void> {
  const reply = await fetch(new URL("../addresses.json", HERE));
  const { apiUrl, gatewayUrl = null } = (await reply.json()) as Addresses;
  const session = createSession(window.localStorage);
  const api = createApi({ apiUrl, session, locale: () => preferences.current().locale });
  root.render(
    <StrictMode>
      <App {...{ api, gatewayUrl, session, preferences }} />
    </StrictMode>,
  );
}

start().catch(() => {
  const texts = TEXTS[preferences.current().locale];
  root.render(
    <main className="blank" role="alert">
      <p>{texts.notLoaded}</p>
      <button type="button" className="quiet" onClick={() => window.location.reload()}>
        {texts.reload}
      </button>
    </main>,
  );
});
