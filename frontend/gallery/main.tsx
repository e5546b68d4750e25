/** Shows every picture of the tracker, or one by `?picture=<name>&locale=fr|en&theme=light|dark`. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { PaymentTracker } from "../src/components/payment/PaymentTracker";
import "../src/components/payment/tracker.css";
import { type SampleName, samples } from "./samples";

const query = new URLSearchParams(window.location.search);
const locale = query.get("locale") === "en" ? "en" : "fr";
const theme = query.get("theme");
document.documentElement.lang = locale;
if (theme) document.documentElement.dataset["theme"] = theme;

const SAMPLES = samples(Date.now());
const NAMES = Object.keys(SAMPLES) as SampleName[];

function Gallery() {
  return (
    <main className="gallery">
      <h1>Pictures of the payment tracker</h1>
      {NAMES.map((name) => (
        <figure key={name}>
          <figcaption>
            <a href={`?${new URLSearchParams({ ...Object.fromEntries(query), picture: name })}`}>{name}</a>
          </figcaption>
          <PaymentTracker {...SAMPLES[name]} locale={locale} />
        </figure>
      ))}
    </main>
  );
}

const chosen = NAMES.find((name) => name === query.get("picture"));
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    {chosen ? (
      <main>
        <h1>{chosen}</h1>
        <PaymentTracker {...SAMPLES[chosen]} locale={locale} />
      </main>
    ) : (
      <Gallery />
    )}
  </StrictMode>,
);
