/** Preact in React's place, as the element has it, with what the tests take from React beside. */
export { Fragment as StrictMode } from "preact";
export { act } from "preact/test-utils";
export * from "../src/elementRenderer";
