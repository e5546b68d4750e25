import { type RefObject, useEffect, useMemo, useRef, useState } from "react";

import type { Api } from "./api";
import { AttentionOfPage } from "./attention";
import { Layout } from "./Layout";
import { PageContext, pageOf } from "./page";
import type { Preferences } from "./preferences";
import { SignIn } from "./SignIn";
import type { Session } from "./session";
import { useStore } from "./store";
import { TEXTS } from "./texts";

interface AppProps {
  readonly api: Api;
  readonly gatewayUrl: string | null;
  readonly session: Session;
  readonly preferences: Preferences;
}

/**
 * Shows the page to whoever is signed in. A session that ends hides it and keeps it as it is, with what was typed; the
 * same person finds it so again, another one a new page.
 */
export function App({ api, gatewayUrl, session, preferences }: AppProps) {
  const state = useStore(session);
  const { locale } = useStore(preferences);
  const operator = state.name === "none" ? null : state.operator;
  const page = useMemo(
    () => operator && pageOf(api, gatewayUrl, operator, locale),
    [api, gatewayUrl, operator, locale],
  );
  const owner = useOwner(operator?.name ?? null, state.name === "open");
  const frame = useRef<HTMLDivElement>(null);
  useReturnOfFocus(frame, state.name === "open");
  useEffect(() => {
    if (state.name !== "open") document.title = `BraidSter · ${TEXTS[locale].title}`;
  }, [locale, state]);

  return (
    <>
      {state.name !== "open" && <SignIn {...{ api, preferences }} hasEnded={state.name === "ended"} />}
      {page && (
        <div ref={frame} hidden={state.name !== "open"}>
          <PageContext value={page}>
            <AttentionOfPage key={owner}>
              <Layout {...{ api, session, preferences }} isShown={state.name === "open"} />
            </AttentionOfPage>
          </PageContext>
        </div>
      )}
    </>
  );
}

/** Returns whose page it is: the person who signed in last. */
function useOwner(name: string | null, isOpen: boolean): string | null {
  const [owner, setOwner] = useState(name);
  if (isOpen && owner !== name) setOwner(name);
  return owner;
}

/** Gives the focus back, where the page is shown again, to what had it; a page that is new gets it in its view. */
function useReturnOfFocus(frame: RefObject<HTMLDivElement | null>, isOpen: boolean): void {
  const last = useRef<HTMLElement | null>(null);
  const wasOpen = useRef(isOpen);
  useEffect(() => {
    const note = ({ target }: FocusEvent) => {
      if (target instanceof HTMLElement && frame.current?.contains(target)) last.current = target;
    };
    document.addEventListener("focusin", note);
    return () => document.removeEventListener("focusin", note);
  }, [frame]);
  useEffect(() => {
    const opens = isOpen && !wasOpen.current;
    wasOpen.current = isOpen;
    if (!opens || frame.current?.contains(document.activeElement)) return;
    const known = last.current?.isConnected ? last.current : null;
    (known ?? frame.current?.querySelector("main"))?.focus();
  }, [isOpen, frame]);
}
