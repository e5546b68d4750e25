import type { RefObject } from "react";
import type { TrackerTexts } from "./paymentTexts";
import { Action } from "./TrackerActions";
import { useCopy } from "./useCopy";

interface ReceiptProps {
  /** The receipt as a message. */
  readonly text: string;
  /** The receipt on the screen, to be copied where nothing else works. */
  readonly facts: RefObject<HTMLElement | null>;
  readonly texts: TrackerTexts;
}

/** Offers the receipt of a paid order to share, or to copy where the browser cannot share, and to print. */
export function Receipt({ text, facts, texts: { receipt, copied } }: ReceiptProps) {
  const { isCopied, copy } = useCopy(text, facts);
  const share = () => {
    navigator.share({ text }).catch(() => {}); // the customer has chosen nobody
  };
  const mayShare = typeof navigator.share === "function";
  return (
    <div className="bp-receipt">
      <Action className="bp-share" label={receipt.share} act={mayShare && share} />
      <Action className="bp-copy-receipt" label={isCopied ? `✓ ${copied}` : receipt.copy} act={!mayShare && copy} />
      <Action className="bp-print" label={receipt.print} act={() => window.print()} />
      <p className="bp-unseen" role="status">
        {isCopied && copied}
      </p>
    </div>
  );
}
