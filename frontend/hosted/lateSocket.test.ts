import { expect, test, vi } from "vitest";

test("who waits for socket.io-client gets it once the end of the page has given it", async () => {
  vi.stubGlobal("window", {});
  const { socketClient } = await import("./lateSocket");
  const got = vi.fn();
  const waiting = socketClient().then(got);
  await Promise.resolve();
  expect(got).not.toHaveBeenCalled();
  const io = vi.fn();
  window.socketArrived(io as never);
  await waiting;
  expect(got).toHaveBeenCalledExactlyOnceWith(io);
  expect(await socketClient()).toBe(io);
});
