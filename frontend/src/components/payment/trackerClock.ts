import { useEffect, useState, useSyncExternalStore } from "react";

import type { Connection } from "../../paymentWatch";
import type { TrackerTexts } from "./paymentTexts";

/** Shorter than a second, so that the count-down skips none when timers are late. */
const LOOK_MS = 250;
/** Most connections are back before it; a notice would only flicker. */
const PATIENCE_MS = 3_000;

/**
 * This device's time in whole seconds, as milliseconds; renders again each second only while `isRunning`. NaN on a
 * server and until its page is taken over: the two clocks differ, so that nothing by the clock is shown until then.
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

/** 4:10, and 5:20:07 from an hour on. */
export function clockWords(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const twoDigits = (value: number) => String(value).padStart(2, "0");
  const rest = twoDigits(seconds % 60);
  return hours > 0 ? `${hours}:${twoDigits(minutes)}:${rest}` : `${minutes}:${rest}`;
}

export type Notice = keyof TrackerTexts["notices"];

/** What is to be said about the connection, if anything. */
export function useNotice(connection: Connection, hasPayment: boolean): Notice | null {
  const isAway = connection === "reconnecting" || (connection === "connecting" && hasPayment);
  const isLongAway = useLasting(isAway, PATIENCE_MS);
  if (connection === "offline") return "offline";
  if (connection === "refused") return hasPayment ? "refused" : null;
  return isLongAway ? "reconnecting" : null;
}

/** Whether something has been so for that long without a break. */
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
