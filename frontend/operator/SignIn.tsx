import { type FormEvent, useEffect, useId, useRef, useState } from "react";

import { type Api, ApiError } from "./api";
import { PreferenceChoice } from "./PreferenceChoice";
import type { Preferences } from "./preferences";
import { useStore } from "./store";
import { problemWords } from "./Trouble";
import { TEXTS } from "./texts";

interface SignInProps {
  readonly api: Api;
  readonly preferences: Preferences;
  /** Whether a session was open before, which the person goes on with. */
  readonly hasEnded: boolean;
}

/** Asks for the operator's key and exchanges it for a session. The key is in the field until then, and nowhere else. */
export function SignIn({ api, preferences, hasEnded }: SignInProps) {
  const texts = TEXTS[useStore(preferences).locale];
  const words = texts.signIn;
  const field = useRef<HTMLInputElement>(null);
  const [trouble, setTrouble] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const ids = { key: useId(), hint: useId(), trouble: useId() };
  useEffect(() => field.current?.focus(), []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const input = field.current;
    const key = input?.value.trim() ?? "";
    if (!input || key === "" || isBusy) return;
    setIsBusy(true);
    setTrouble("");
    try {
      await api.signIn(key);
    } catch (error) {
      const isWrong = error instanceof ApiError && error.problem?.code === "invalid_api_key";
      setTrouble(isWrong ? words.wrong : problemWords(error, texts));
      input.focus();
      input.select();
    } finally {
      setIsBusy(false);
    }
  };

  return (
    <main className="sign-in">
      <form className="card" onSubmit={submit} method="post">
        <p className="brand">BraidSter</p>
        <h1>{words.title}</h1>
        <p className="muted">{hasEnded ? words.ended : words.sentence}</p>
        <label htmlFor={ids.key}>{words.key}</label>
        <input
          ref={field}
          id={ids.key}
          type="password"
          autoComplete="current-password"
          autoCapitalize="none"
          spellCheck={false}
          required
          aria-invalid={trouble !== "" || undefined}
          aria-describedby={`${ids.trouble} ${ids.hint}`}
        />
        <p id={ids.trouble} role="alert" className="wrong">
          {trouble}
        </p>
        <p id={ids.hint} className="muted small">
          {words.hint}
        </p>
        <button type="submit" className="primary" aria-disabled={isBusy || undefined}>
          {isBusy ? words.busy : words.submit}
        </button>
        <PreferenceChoice preferences={preferences} />
      </form>
    </main>
  );
}
