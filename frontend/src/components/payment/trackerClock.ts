import { useEffect, useState, useSyncExternalStore } from "react";

import type { Connection } from "../../paymentWatch";
import type { TrackerTexts } from "./paymentTexts";

/** Tick of the count-down. Shorter than a second, so that a late timer does not skip one. */
const LOOK_MS = 250;
/** Delay before a lost connection is shown. Most connections are back by then, and a notice would only flicker. */
const PATIENCE_MS = 3_000;

/**
 * Returns this device's time in milliseconds, rounded to seconds; renders each second only while `isRunning`.
 *
 * It is NaN on a server and until hydration: the two clocks differ, so that times are only shown after it.
 */
export function useDeviceTime(isRunning: boolean): number {
  const time = useSyncExternalStore<number | null>(isRunning ? everyLook : neverAgain, wholeSeconds, unknownTime);
  return time ?? Number.NaN;
}

const wholeSeconds = () => Math.floor(Date.now() / 1000) * 1000;
const unknownTime = () => null;
const neverAgain = () => () => {};

function everyLook(look: () => void): () => void {
  const timer = setInterval(look, LOOK_MS);
  return () => clearInterval(timer);
}

/** Formats a duration as 4:10, and from an hour on as 5:20:07. */
export function clockWords(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const twoDigits = (value: number) => String(value).padStart(2, "0");
  const rest = twoDigits(seconds % 60);
  return hours > 0 ? `${hours}:${twoDigits(minutes)}:${rest}` : `${minutes}:${rest}`;
}

export type Notice = keyof TrackerTexts["notices"];

/** Returns the notice about the connection, or null. */
export function useNotice(connection: Connection, hasPayment: boolean): Notice | null {
  const isAway = connection === "reconnecting" || (connection === "connecting" && hasPayment);
  const isLongAway = useLasting(isAway, PATIENCE_MS);
  if (connection === "offline") return "offline";
  if (connection === "refused") return hasPayment ? "refused" : null;
  return isLongAway ? "reconnecting" : null;
}

/** Returns whether a condition has held for a time without interruption. */
function useLasting(isSo: boolean, forMs: number): boolean {
  const [lasts, setLasts] = useState(false);
  useEffect(() => {
    if (!isSo) return undefined;
    const timer = setTimeout(() => setLasts(true), forMs);
    return () => {
      clearTimeout(timer);
      setLasts(false);
    };
  }, [isSo, forMs]);
  return isSo && lasts;
}
