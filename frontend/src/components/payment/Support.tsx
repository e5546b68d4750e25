import type { TrackerTexts } from "./paymentTexts";

interface SupportProps {
  /** The shop's WhatsApp number with its country code, or an address such as `mailto:…`. */
  readonly support: string;
  readonly order: string;
  readonly reference: string;
  readonly texts: TrackerTexts;
}

const NUMBER = /^\+?[\d\s().-]+$/;

/** Shows the way to the shop. A message on WhatsApp says which payment it is about. */
export function Support({ support, order, reference, texts }: SupportProps) {
  const words = texts.support;
  const isNumber = NUMBER.test(support);
  const subject = order ? words.myOrder(order) : words.myPayment;
  const which = reference && ` (${texts.reference.toLowerCase()} ${reference})`;
  const message = encodeURIComponent(words.hello(subject + which));
  const href = isNumber ? `https://wa.me/${support.replace(/\D/g, "")}?text=${message}` : support;
  return (
    <p className="bp-support">
      <a href={href} target="_blank" rel="noreferrer">
        {isNumber ? words.onWhatsApp : words.elsewhere}
      </a>
    </p>
  );
}
