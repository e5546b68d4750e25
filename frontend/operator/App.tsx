import { useEffect, useMemo, useState } from "react";

import type { Api } from "./api";
import { Layout } from "./Layout";
import { PageContext, pageOf } from "./page";
import type { Preferences } from "./preferences";
import { SignIn } from "./SignIn";
import type { Session } from "./session";
import { useStore } from "./store";
import { TEXTS } from "./texts";

interface AppProps {
  readonly api: Api;
  readonly session: Session;
  readonly preferences: Preferences;
}

/**
 * Shows the page to whoever is signed in. A session that ends hides it and keeps it as it is, with what was typed; the
 * same person finds it so again, another one a new page.
 */
export function App({ api, session, preferences }: AppProps) {
  const state = useStore(session);
  const { locale } = useStore(preferences);
  const operator = state.name === "none" ? null : state.operator;
  const page = useMemo(() => operator && pageOf(api, operator, locale), [api, operator, locale]);
  const owner = useOwner(operator?.name ?? null, state.name === "open");
  useEffect(() => {
    document.title = `BraidSter · ${TEXTS[locale].title}`;
  }, [locale]);

  return (
    <>
      {state.name !== "open" && <SignIn {...{ api, preferences }} hasEnded={state.name === "ended"} />}
      {page && (
        <div hidden={state.name !== "open"}>
          <PageContext value={page}>
            <Layout key={owner} {...{ api, preferences }} />
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
