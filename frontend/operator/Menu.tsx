import { useEffect, useRef, useState } from "react";

import type { Api } from "./api";
import { PreferenceChoice } from "./PreferenceChoice";
import { usePage } from "./page";
import type { Preferences } from "./preferences";
import { problemWords } from "./Trouble";

/** Says who is signed in; opens the choice of language and theme, and signs out. */
export function Menu({ api, preferences }: { readonly api: Api; readonly preferences: Preferences }) {
  const { operator, texts } = usePage();
  const menu = useRef<HTMLDetailsElement>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => closeFromOutside(menu.current), []);

  const signOut = () => api.signOut().catch((error: unknown) => setTrouble(problemWords(error, texts)));
  return (
    <details className="menu" ref={menu}>
      <summary>{operator.name}</summary>
      <div className="card">
        <p className="muted small">
          {operator.name} {texts.menu.rights[operator.right]}
        </p>
        <PreferenceChoice preferences={preferences} />
        <button type="button" className="quiet" onClick={signOut}>
          {texts.menu.signOut}
        </button>
        <p role="alert" className="wrong small">
          {trouble}
        </p>
      </div>
    </details>
  );
}

/** Closes a menu by Escape, or by a click or a focus elsewhere. Returns what stops it. */
function closeFromOutside(menu: HTMLDetailsElement | null): () => void {
  const onAway = ({ target }: Event) => {
    if (menu && target instanceof Node && !menu.contains(target)) menu.open = false;
  };
  const onKey = ({ key }: KeyboardEvent) => {
    if (key !== "Escape" || !menu?.open) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  };
  document.addEventListener("pointerdown", onAway);
  document.addEventListener("focusin", onAway);
  document.addEventListener("keydown", onKey);
  return () => {
    document.removeEventListener("pointerdown", onAway);
    document.removeEventListener("focusin", onAway);
    document.removeEventListener("keydown", onKey);
  };
}
