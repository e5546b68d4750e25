/** Preact in React's place, with the `act` that React's own entry has. */
export * from "preact/compat";
export { act } from "preact/test-utils";
