import { isReceipt, mayHelpAgain, mayHelpElsewhere, type Picture } from "./paymentPicture";
import type { TrackerTexts } from "./paymentTexts";

interface TrackerActionsProps {
  readonly picture: Picture;
  readonly texts: TrackerTexts;
  readonly onCancel: (() => void) | undefined;
  readonly onRetry: (() => void) | undefined;
  readonly onChangeNumber: (() => void) | undefined;
  readonly onContinue: (() => void) | undefined;
}

export function TrackerActions({ picture, texts, ...acts }: TrackerActionsProps) {
  const isPaid = isReceipt(picture) || picture.name === "orderAlreadyPaid";
  return (
    <div className="bp-actions">
      <Action className="bp-cancel" label={texts.cancel} act={picture.name === "unsent" && acts.onCancel} />
      <Action className="bp-retry" label={texts.retry} act={mayHelpAgain(picture) && acts.onRetry} />
      <Action
        className="bp-change-number"
        label={texts.changeNumber}
        act={mayHelpElsewhere(picture) && acts.onChangeNumber}
      />
      <Action className="bp-continue" label={texts.continue} act={isPaid && acts.onContinue} />
    </div>
  );
}

interface ActionProps {
  readonly className: string;
  readonly label: string;
  readonly act: (() => void) | undefined | false;
  /** Disables the button, but keeps its place and the focus. */
  readonly isBusy?: boolean;
}

export function Action({ className, label, act, isBusy = false }: ActionProps) {
  if (!act) return null;
  const run = () => {
    if (!isBusy) act();
  };
  return (
    <button type="button" className={`bp-action ${className}`} onClick={run} aria-disabled={isBusy || undefined}>
      {label}
    </button>
  );
}
