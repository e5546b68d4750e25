import { Toaster } from "sonner";

import type { Locale } from "../src/locale";
import type { Connection } from "../src/paymentWatch";
import type { Addresses } from "./addresses";
import { type ArrivedEvent, EventStream } from "./EventStream";
import { WhatIf } from "./WhatIf";

export { toastPaymentChange } from "../src/paymentToasts";

interface BackstageProps {
  readonly addresses: Addresses;
  readonly reference: string | null;
  readonly refetch: () => Promise<void>;
  readonly newOrder: () => void;
  readonly events: readonly ArrivedEvent[];
  readonly connection: Connection;
  readonly locale: Locale;
}

const TEXTS = {
  fr: { toasts: "Messages", close: "Fermer" },
  en: { toasts: "Messages", close: "Close" },
};

/** Shows the simulator's controls, the events, and the toasts. */
export default function Backstage({ events, connection, locale, ...whatIf }: BackstageProps) {
  const texts = TEXTS[locale];
  return (
    <aside className="backstage" aria-label="Behind the scenes">
      <WhatIf {...whatIf} />
      <EventStream events={events} connection={connection} />
      <Toaster
        position="bottom-right"
        theme="system"
        closeButton
        containerAriaLabel={texts.toasts}
        toastOptions={{ closeButtonAriaLabel: texts.close }}
      />
    </aside>
  );
}
