import { useSyncExternalStore } from "react";

/** A value that components read and that tells when it changes. */
export interface Store<Value> {
  readonly current: () => Value;
  readonly subscribe: (listener: () => void) => () => void;
}

/** Creates a store and the function that sets its value. */
export function createStore<Value>(initial: Value): Store<Value> & { readonly set: (value: Value) => void } {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    current: () => value,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (next) => {
      value = next;
      for (const listener of [...listeners]) listener();
    },
  };
}

export const useStore = <Value>(store: Store<Value>): Value => useSyncExternalStore(store.subscribe, store.current);
