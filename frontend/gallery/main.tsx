/** Shows every picture of the form and the tracker, or one by `?picture=<name>&locale=fr|en&theme=light|dark`. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { PaymentTracker } from "../src/components/payment/PaymentTracker";
import { PhoneForm } from "../src/components/payment/PhoneForm";
import "../src/components/payment/tracker.css";
import { type FormName, forms } from "./forms";
import { type SampleName, samples } from "./samples";

const query = new URLSearchParams(window.location.search);
const locale = query.get("locale") === "en" ? "en" : "fr";
const theme = query.get("theme");
document.documentElement.lang = locale;
if (theme) document.documentElement.dataset["theme"] = theme;

const SAMPLES = samples(Date.now(), locale);
const FORMS = forms(Date.now(), locale);
const NAMES = [...Object.keys(FORMS), ...Object.keys(SAMPLES)] as (FormName | SampleName)[];

function Shown({ name }: { readonly name: FormName | SampleName }) {
  if (name in FORMS) return <PhoneForm {...FORMS[name as FormName]} locale={locale} />;
  return <PaymentTracker {...SAMPLES[name as SampleName]} locale={locale} />;
}

function Gallery() {
  return (
    <main className="gallery">
      <h1>Pictures of the form and the tracker</h1>
      {NAMES.map((name) => (
        <figure key={name}>
          <figcaption>
            <a href={`?${new URLSearchParams({ ...Object.fromEntries(query), picture: name })}`}>{name}</a>
          </figcaption>
          <Shown name={name} />
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
        <Shown name={chosen} />
      </main>
    ) : (
      <Gallery />
    )}
  </StrictMode>,
);
