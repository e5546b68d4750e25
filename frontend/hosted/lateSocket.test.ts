import { expect, test, vi } from "vitest";

test("what is asked of a socket before socket.io-client has come is asked then, in order", async () => {
  vi.stubGlobal("window", {});
  const { io } = await import("./lateSocket");
  const asked: string[] = [];
  const real = {
    connected: true,
    on: (name: string) => {
      asked.push(`on ${name}`);
      return real;
    },
    disconnect: () => {
      asked.push("disconnect");
      return real;
    },
    connect: () => {
      asked.push("connect");
      return real;
    },
    io: { reconnection: (on: boolean) => void asked.push(`reconnection ${on}`) },
  };
  const open = vi.fn(() => real);
  const early = io("http://gateway.test", {});
  early.on("connect", () => {});
  early.disconnect().connect();
  early.io.reconnection(true);
  expect([early.connected, asked]).toEqual([false, []]);
  window.socketArrived(open as never);
  expect(open).toHaveBeenCalledExactlyOnceWith("http://gateway.test", {});
  expect([early.connected, asked]).toEqual([true, ["on connect", "disconnect", "connect", "reconnection true"]]);
  early.on("later", () => {});
  expect(asked.at(-1)).toBe("on later");
  expect(io("http://gateway.test", {})).toBe(real);
});
