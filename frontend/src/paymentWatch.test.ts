// @vitest-environment happy-dom
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { countListeners, FakeWire, payment, REFUSAL, TARGET } from "../tests/fakeWire";
import type { PaymentEvent } from "./paymentContract";
import { createPaymentWatch, isSettled } from "./paymentWatch";

const listenersOfWindow = countListeners(window);
const listenersOfDocument = countListeners(document);
let visibility: DocumentVisibilityState = "visible";
let onLine = true;
Object.defineProperty(document, "visibilityState", { get: () => visibility });
Object.defineProperty(navigator, "onLine", { get: () => onLine });

beforeEach(() => {
  vi.useFakeTimers();
  visibility = "visible";
  onLine = true;
});

afterEach(() => {
  vi.useRealTimers();
});

function watched() {
  const wire = new FakeWire();
  const watch = createPaymentWatch(TARGET, null, wire);
  const leave = watch.subscribe(() => {});
  const socket = () => {
    if (wire.socket === null) throw new Error("the socket is closed");
    return wire.socket;
  };
  return { wire, watch, leave, socket };
}

function show(state: DocumentVisibilityState): void {
  visibility = state;
  document.dispatchEvent(new Event("visibilitychange"));
}

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

describe("what is shown", () => {
  test("a thousand orders of events, repetitions and gaps end in the newest version, and only ever rise", () => {
    const versions = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(versions, (arriving) => {
        const { watch, leave, socket } = watched();
        const seen: number[] = [];
        watch.handlers = { onChange: ({ version }) => seen.push(version) };
        for (const version of arriving) socket().received(payment({ version }));
        expect(watch.getState().payment?.version).toBe(Math.max(...arriving));
        expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
        leave();
      }),
      { numRuns: 1000 },
    );
  });

  test("what another answer has told is shown at once, told once, and gives the server's time", () => {
    const now = new Date(Date.now() + 3_600_000).toISOString(); // this device's clock is an hour slow
    const watch = createPaymentWatch(TARGET, payment({ version: 2, timestamp: now }), new FakeWire());
    const changes: unknown[] = [];
    watch.handlers = { onChange: (changed, before) => changes.push([changed.version, before]) };
    expect(watch.getState()).toMatchObject({ payment: { version: 2 }, connection: "connecting" });
    watch.subscribe(() => {})();
    const leave = watch.subscribe(() => {});
    expect(changes).toEqual([[2, null]]);
    expect(watch.getState().clockOffset).toBe(3_600_000);
    leave();
  });

  test("a change is reported with the version before it", () => {
    const { watch, leave, socket } = watched();
    const changes: (readonly [number, number | undefined])[] = [];
    watch.handlers = { onChange: (now, before) => changes.push([now.version, before?.version]) };
    socket().received(payment({ version: 2 }));
    socket().received(payment({ version: 2 }));
    socket().received(payment({ version: 3 }));
    expect(changes).toEqual([
      [2, undefined],
      [3, 2],
    ]);
    leave();
  });

  test.each([
    ["SUCCESSFUL", true],
    ["FAILED", true],
    ["EXPIRED", false],
    ["PENDING", false],
    ["CONFLICTED", false],
    ["INITIATING", false],
  ] as const)("%s is settled: %s", (status, expected) => {
    expect(isSettled(payment({ status }))).toBe(expected);
  });
});

describe("while the connection is down", () => {
  test("it asks after three seconds, growing to ten, until the connection is back", async () => {
    const { wire, leave, socket } = watched();
    await pass(3_500);
    expect(wire.reads).toBe(1);
    await pass(60_000);
    expect(wire.reads).toBeGreaterThanOrEqual(5);
    expect(wire.reads).toBeLessThanOrEqual(9);
    socket().tracked();
    const before = wire.reads;
    await pass(12_000);
    expect(wire.reads).toBe(before);
    leave();
  });

  test("what the API answers is shown", async () => {
    const { wire, watch, leave } = watched();
    wire.willAnswer({ kind: "payment", payment: payment({ version: 5 }) });
    await pass(4_000);
    expect(watch.getState().payment?.version).toBe(5);
    leave();
  });
});

describe("while the connection is up", () => {
  test("it asks every fifteen seconds all the same, until the outcome is known", async () => {
    const { wire, leave, socket } = watched();
    socket().tracked();
    socket().received(payment());
    await pass(61_000);
    expect(wire.reads).toBeGreaterThanOrEqual(3);
    expect(wire.reads).toBeLessThanOrEqual(5);
    wire.willAnswer({ kind: "payment", payment: payment({ version: 9, status: "SUCCESSFUL" }) });
    await pass(20_000);
    const before = wire.reads;
    await pass(120_000);
    expect(wire.reads).toBe(before);
    leave();
  });

  test("it does not ask while the page is hidden, and at once when it is shown", async () => {
    const { wire, leave, socket } = watched();
    socket().tracked();
    show("hidden");
    await pass(120_000);
    expect(wire.reads).toBe(0);
    show("visible");
    await pass(0);
    expect(wire.reads).toBe(1);
    expect(wire.revivals).toBe(1);
    leave();
  });
});

describe("coming back", () => {
  test.each([
    ["online", () => window.dispatchEvent(new Event("online"))],
    [
      "pageshow, out of the browser's cache",
      () => window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true })),
    ],
  ])("%s: it reads and connects at once", async (_, comeBack) => {
    const { wire, leave } = watched();
    comeBack();
    await pass(0);
    expect([wire.reads, wire.revivals]).toEqual([1, 1]);
    leave();
  });

  test("the state of the connection is shown", () => {
    const { watch, leave, socket } = watched();
    const told = [watch.getState().connection];
    const tell = () => told.push(watch.getState().connection);
    socket().tracked();
    tell();
    socket().lost();
    tell();
    onLine = false;
    window.dispatchEvent(new Event("offline"));
    tell();
    watch.stop();
    tell();
    expect(told).toEqual(["connecting", "connected", "reconnecting", "offline", "stopped"]);
    leave();
  });
});

describe("the server's clock", () => {
  const now = Date.parse("2026-01-15T10:00:00.000Z");

  function offsetAfter(...timestamps: string[]): number {
    vi.setSystemTime(now);
    const { watch, leave, socket } = watched();
    for (const [index, timestamp] of timestamps.entries())
      socket().received(payment({ version: index + 1, timestamp }));
    leave();
    return watch.getState().clockOffset;
  }

  test("an old payload does not set it back", () => {
    expect(offsetAfter("2026-01-15T12:00:00.000Z", "2026-01-15T11:50:00.000Z")).toBe(7_200_000);
  });

  test("a device whose clock is ahead", () => {
    expect(offsetAfter("2026-01-15T09:00:00.000Z")).toBe(-3_600_000);
  });
});

describe("leaving", () => {
  const MOMENTS: Record<string, (started: ReturnType<typeof watched>) => Promise<void> | void> = {
    "at once": () => {},
    "while connecting": () => pass(1_000),
    "while the first read is under way": ({ wire }) => {
      vi.advanceTimersByTime(3_500);
      expect(wire.reads).toBe(1);
    },
    "after failed reads": () => pass(30_000),
    "when tracked": ({ socket }) => socket().tracked(),
    "after a lost connection": ({ socket }) => {
      socket().tracked();
      socket().lost();
    },
    "while hidden": () => show("hidden"),
    "while a refetch is under way": ({ watch }) => void watch.refetch(),
    "when the outcome is known": ({ socket }) => socket().received(payment({ version: 4, status: "SUCCESSFUL" })),
    "when it was refused": ({ socket }) => socket().refused(REFUSAL),
    "when it was stopped": ({ watch }) => watch.stop(),
  };

  test.each(Object.entries(MOMENTS))("%s leaves no timer, no listener, no socket", async (_, moment) => {
    const before = [listenersOfWindow(), listenersOfDocument()];
    const started = watched();
    expect(listenersOfWindow()).toBeGreaterThan(before[0] as number);
    await moment(started);
    started.leave();
    await vi.advanceTimersByTimeAsync(0);
    const reads = started.wire.reads;
    expect(vi.getTimerCount()).toBe(0);
    expect([listenersOfWindow(), listenersOfDocument()]).toEqual(before);
    expect(started.wire.closed).toBe(started.wire.opened);
    show("visible");
    window.dispatchEvent(new Event("online"));
    await started.watch.refetch();
    await pass(60_000);
    expect(started.wire.reads).toBe(reads);
  });

  test("an answer that comes after it changes nothing", async () => {
    const { wire, watch, leave } = watched();
    wire.willAnswer({ kind: "payment", payment: payment() });
    void watch.refetch();
    leave();
    await pass(0);
    expect(watch.getState().payment).toBeNull();
  });

  test("a new subscriber starts it again", () => {
    const { wire, watch, leave } = watched();
    leave();
    const leaveAgain = watch.subscribe(() => {});
    expect([wire.opened, wire.closed]).toEqual([2, 1]);
    leaveAgain();
  });
});

describe("a refusal", () => {
  test.each<[string, (wire: FakeWire) => void]>([
    ["by the gateway", (wire) => wire.socket?.refused(REFUSAL)],
    ["by the API", (wire) => wire.willAnswer({ kind: "refused", problem: REFUSAL })],
  ])("%s is told, and ends it", async (_, refuse) => {
    const { wire, watch, leave } = watched();
    refuse(wire);
    await pass(5_000);
    expect(watch.getState()).toMatchObject({ connection: "refused", problem: REFUSAL });
    expect([wire.closed, vi.getTimerCount()]).toEqual([1, 0]);
    leave();
  });
});

test("without a payment nothing is opened", () => {
  const wire = new FakeWire();
  const watch = createPaymentWatch(null, null, wire);
  watch.subscribe(() => {})();
  expect([wire.opened, watch.getState().connection]).toEqual([0, "stopped"]);
});

test("the handlers get each event as received", () => {
  const { watch, leave, socket } = watched();
  const heard: [string, unknown][] = [];
  watch.handlers = { onEvent: (name, payload) => heard.push([name, payload]) };
  const event: PaymentEvent = payment();
  socket().event("one", event);
  socket().event("one", event);
  expect(heard).toEqual([
    ["one", event],
    ["one", event],
  ]);
  leave();
});

describe("giving up", () => {
  const givenUp = payment({ version: 3, status: "EXPIRED", reason: "given_up" });

  test("asks once however often it is tapped, and shows what the answer says", async () => {
    const { wire, watch, leave, socket } = watched();
    socket().received(payment());
    wire.willAnswer({ kind: "payment", payment: givenUp });
    const answers = [watch.giveUp(), watch.giveUp()];
    expect(watch.getState().givingUp).toBe("asking");
    expect(await Promise.all(answers)).toEqual([givenUp, payment()]);
    expect(wire.giveUps).toBe(1);
    expect(watch.getState()).toMatchObject({ payment: givenUp, givingUp: "idle" });
    leave();
  });

  test("CamPay's record decides: what was approved meanwhile is shown as paid", async () => {
    const { wire, watch, leave, socket } = watched();
    socket().received(payment());
    wire.willAnswer({ kind: "payment", payment: payment({ version: 3, status: "SUCCESSFUL" }) });
    await watch.giveUp();
    expect(watch.getState()).toMatchObject({ payment: { status: "SUCCESSFUL" }, givingUp: "idle" });
    leave();
  });

  test.each([
    ["no answer", { kind: "unreachable" }],
    ["an answer by which it still waits", { kind: "payment", payment: payment() }],
  ] as const)("%s ends nothing, is told, and may be tried again", async (_, answer) => {
    const { wire, watch, leave, socket } = watched();
    socket().received(payment());
    wire.willAnswer(answer);
    await watch.giveUp();
    expect(watch.getState()).toMatchObject({ payment: { status: "PENDING" }, givingUp: "unanswered" });
    wire.willAnswer({ kind: "payment", payment: givenUp });
    await watch.giveUp();
    expect(watch.getState()).toMatchObject({ payment: givenUp, givingUp: "idle" });
    leave();
  });

  test("an invalid token is refused", async () => {
    const { wire, watch, leave } = watched();
    wire.willAnswer({ kind: "refused", problem: REFUSAL });
    await watch.giveUp();
    expect(watch.getState()).toMatchObject({ connection: "refused", problem: REFUSAL, givingUp: "idle" });
    leave();
  });

  test("an approval that comes after it is shown", async () => {
    const { wire, watch, leave, socket } = watched();
    wire.willAnswer({ kind: "payment", payment: givenUp });
    await watch.giveUp();
    socket().received(payment({ version: 4, status: "SUCCESSFUL", late: true }));
    expect(watch.getState().payment).toMatchObject({ status: "SUCCESSFUL", late: true });
    leave();
  });

  test("a subscriber that returns finds no call under way", async () => {
    const { watch, leave } = watched();
    const answer = watch.giveUp();
    leave();
    await answer;
    expect(watch.getState().givingUp).toBe("idle");
    expect(vi.getTimerCount()).toBe(0);
  });
});
