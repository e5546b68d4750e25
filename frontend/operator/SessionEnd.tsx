import { useEffect, useState } from "react";

import { usePage } from "./page";
import type { Session } from "./session";
import { useStore } from "./store";

const WARNED_BEFORE_MS = 120_000;

/** Says two minutes before that the session ends; the person may sign in again before it interrupts them. */
export function SessionEnd({ session }: { readonly session: Session }) {
  const { texts, format } = usePage();
  const state = useStore(session);
  const endsAt = state.name === "open" ? state.endsAt : Number.POSITIVE_INFINITY;
  const isSoon = useIsPast(endsAt - WARNED_BEFORE_MS);
  return (
    <div className={isSoon ? "session-end notice" : "session-end"} data-tone="caution">
      <p role="status">{isSoon && texts.signIn.endsSoon(format.time(new Date(endsAt).toISOString()))}</p>
      {isSoon && (
        <button type="button" className="quiet" onClick={session.end}>
          {texts.signIn.renew}
        </button>
      )}
    </div>
  );
}

/** Whether a moment of this device's clock is past; a component that calls it is rendered again when it is. */
function useIsPast(moment: number): boolean {
  const [past, setPast] = useState<number | null>(null);
  useEffect(() => {
    if (!Number.isFinite(moment)) return;
    const timer = setTimeout(() => setPast(moment), moment - Date.now());
    return () => clearTimeout(timer);
  }, [moment]);
  return past === moment;
}
