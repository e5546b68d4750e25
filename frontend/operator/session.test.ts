// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";

import { ApiError, createApi } from "./api";
import { createSession, parseBegunSession, SignedOut } from "./session";

const paul = { name: "paul", right: "act", expiresInSeconds: 900 } as const;
const amina = { name: "amina", right: "view", expiresInSeconds: 900 } as const;
const ended = () => new Response('{"code": "invalid_session", "detail": "It has ended."}', { status: 401 });

afterEach(() => {
  localStorage.clear();
  vi.unstubAllGlobals();
});

function apiAnswering(...replies: Response[]) {
  const fetch = vi.fn(async () => replies.shift() as Response);
  vi.stubGlobal("fetch", fetch);
  const session = createSession(localStorage);
  session.begin(paul);
  return { fetch, session, api: createApi({ apiUrl: "", session, locale: () => "fr" }) };
}

test("a call of an expired session is made again once the same person has signed in", async () => {
  const { api, session, fetch } = apiAnswering(ended(), new Response('{"status": "FAILED"}'));
  const answer = api.act("ref", "resolve", { status: "FAILED", reason: "none" });
  await vi.waitFor(() => expect(session.current().name).toBe("ended"));
  session.begin(paul);
  expect(await answer).toEqual({ status: "FAILED" });
  expect(fetch).toHaveBeenCalledTimes(2);
});

test("what one person asked for is never done in the name of another", async () => {
  const { api, session, fetch } = apiAnswering(ended());
  const answer = api.act("ref", "resolve");
  const refused = expect(answer).rejects.toBeInstanceOf(SignedOut);
  await vi.waitFor(() => expect(session.current().name).toBe("ended"));
  session.begin(amina);
  await refused;
  expect(fetch).toHaveBeenCalledTimes(1);
});

test("an answer that cannot be read is no success", async () => {
  const { api } = apiAnswering(new Response("<html>a proxy's page</html>"));
  await expect(api.story("ref")).rejects.toBeInstanceOf(ApiError);
});

test("only the API's own words begin a session", () => {
  expect(parseBegunSession("paul; act; 900")).toEqual(paul);
  for (const other of [null, "", "paul; owner; 900", "paul; act", "Paul; act; 900"]) {
    expect(parseBegunSession(other)).toBeNull();
  }
});
