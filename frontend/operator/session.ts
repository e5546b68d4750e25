/**
 * Knows who is signed in. What proves it is a cookie that no script can read; here are only the name, the right and the
 * time of its end, which other tabs of this browser share.
 */

import { attempt } from "./preferences";
import { createStore, type Store } from "./store";

export interface Operator {
  /** It stands in the history of what this person does. */
  readonly name: string;
  readonly right: "view" | "act";
}

export type SessionState =
  | { readonly name: "none" }
  /** `endsAt`: milliseconds of this device's clock. */
  | { readonly name: "open"; readonly operator: Operator; readonly endsAt: number }
  /** It has expired, or the API no longer takes it. The page waits, as it is, until the person signs in again. */
  | { readonly name: "ended"; readonly operator: Operator };

/** What the API tells of a session that begins. */
export interface BegunSession extends Operator {
  readonly expiresInSeconds: number;
}

/** Reads the header that tells it, such as `amina; act; 900`; null for anything else. */
export function parseBegunSession(header: string | null): BegunSession | null {
  const [, name, right, seconds] = /^([a-z][a-z0-9-]*); (view|act); ([0-9]+)$/.exec(header ?? "") ?? [];
  if (!name || (right !== "view" && right !== "act")) return null;
  return { name, right, expiresInSeconds: Number(seconds) };
}

export interface Session extends Store<SessionState> {
  readonly begin: (begun: BegunSession) => void;
  /** Notes that the API no longer takes the session. */
  readonly end: () => void;
  /** Notes that the person has signed out. */
  readonly close: () => void;
  /** Resolves once the same person has an open session again; rejects with SignedOut once that will not be. */
  readonly renewed: () => Promise<void>;
}

/** Is thrown by a call that waited for a new session when the person signed out, or another one signed in. */
export class SignedOut extends Error {}

const KEY = "operator-page-session";
const NONE: SessionState = { name: "none" };

export function createSession(storage: Storage, now: () => number = Date.now): Session {
  const store = createStore(kept(storage, now()));
  let timer: ReturnType<typeof setTimeout> | undefined;

  const become = (state: SessionState) => {
    clearTimeout(timer);
    if (state.name === "open") timer = setTimeout(end, state.endsAt - now());
    store.set(state);
  };
  /** Becomes what the person has done, in the other tabs too. */
  const change = (state: SessionState) => {
    become(state);
    attempt(() => storage.setItem(KEY, JSON.stringify(state)));
  };
  const end = () => {
    const state = store.current();
    if (state.name === "open") become({ name: "ended", operator: state.operator });
  };
  const begin = ({ name, right, expiresInSeconds }: BegunSession) =>
    change({ name: "open", operator: { name, right }, endsAt: now() + expiresInSeconds * 1000 });
  const renewed = () =>
    new Promise<void>((resolve, reject) => {
      const person = nameIn(store.current());
      const look = () => {
        const state = store.current();
        if (state.name === "ended") return;
        stop();
        // What one person asked for is not done in the name of another.
        if (state.name === "open" && nameIn(state) === person) resolve();
        else reject(new SignedOut());
      };
      const stop = store.subscribe(look);
      look();
    });

  become(store.current());
  // Another tab has signed in or out; the cookie is the same for both.
  window.addEventListener("storage", ({ key }) => {
    if (key === KEY) become(kept(storage, now()));
  });
  return { current: store.current, subscribe: store.subscribe, begin, end, close: () => change(NONE), renewed };
}

const nameIn = (state: SessionState) => (state.name === "none" ? null : state.operator.name);

function kept(storage: Storage, now: number): SessionState {
  const state = attempt(() => JSON.parse(storage.getItem(KEY) ?? "null") as SessionState | null);
  return state?.name === "open" && state.endsAt > now ? state : NONE;
}
