/** Calls the API as the operators' page may: with the session's cookie, and a header that no form can send. */

import type { Locale } from "../src/locale";
import { type Problem, parseProblem } from "../src/paymentContract";
import type { FoundPayments, HistoryPage, PaymentEvent, PaymentStory, SearchField } from "./apiTypes";
import { parseBegunSession, type Session } from "./session";

/** A call that brought no answer, or a refusal. */
export class ApiError extends Error {
  /** `problem`: null where no answer came that could be read: whether the call did anything is then unknown. */
  constructor(readonly problem: Problem | null) {
    super(problem?.code ?? "no answer");
  }
}

export interface ApiOptions {
  readonly apiUrl: string;
  readonly session: Session;
  readonly locale: () => Locale;
}

export interface Api {
  /** Exchanges a key for a session. Throws ApiError. */
  readonly signIn: (key: string) => Promise<void>;
  readonly signOut: () => Promise<void>;
  readonly search: (field: SearchField, value: string) => Promise<FoundPayments>;
  readonly story: (reference: string) => Promise<PaymentStory>;
  readonly history: (query: URLSearchParams) => Promise<HistoryPage>;
  /** Returns a page of the list as CSV, and the cursor of the next one. */
  readonly historyCsv: (query: URLSearchParams) => Promise<{ readonly text: string; readonly cursor: string | null }>;
  readonly act: (reference: string, action: string, decision?: object) => Promise<PaymentEvent>;
  /** Reads what a path below `/api/payment/` answers, such as `analytics?from=2026-01-31`. */
  readonly get: <Answer>(path: string) => Promise<Answer>;
  readonly post: <Answer>(path: string, body: object) => Promise<Answer>;
}

interface Call {
  readonly method: "GET" | "POST" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | undefined;
}

/**
 * Creates the calls. Each throws ApiError. Where the session has expired, it waits until the person has signed in
 * again, and is then made once more: the refused one has done nothing.
 */
export function createApi({ apiUrl, session, locale }: ApiOptions): Api {
  const send = async (path: string, { method, headers, body }: Call): Promise<Response> => {
    const reply = await fetch(`${apiUrl}/api/payment/${path}`, {
      method,
      credentials: "include",
      cache: "no-store",
      headers: {
        "Accept-Language": locale(),
        "X-Requested-With": "fetch",
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    }).catch(() => null);
    if (reply?.ok) return reply;
    throw new ApiError(reply && (await problemOf(reply)));
  };

  const call = async (path: string, options: Call): Promise<Response> => {
    for (;;) {
      const before = session.current();
      try {
        return await send(path, options);
      } catch (error) {
        if (!isNotSignedIn(error)) throw error;
        if (session.current() === before) session.end(); // otherwise it was refused an earlier session
        await session.renewed();
      }
    }
  };
  const get = async <Answer>(path: string) => answerOf<Answer>(await call(path, { method: "GET" }));
  const post = async <Answer>(path: string, body?: object) =>
    answerOf<Answer>(await call(path, { method: "POST", body }));

  return {
    signIn: async (key) => {
      const reply = await send("operator/session", { method: "POST", headers: { "X-Api-Key": key } });
      const begun = parseBegunSession(reply.headers.get("Operator-Session"));
      if (!begun) throw new ApiError(null);
      session.begin(begun);
    },
    signOut: async () => {
      await send("operator/session", { method: "DELETE" }).catch((error: unknown) => {
        if (!isNotSignedIn(error)) throw error; // it has ended by itself
      });
      session.close();
    },
    search: (field, value) => post("operator/search", { [field]: value }),
    story: (reference) => get(`operator/${encodeURIComponent(reference)}`),
    history: (query) => get(`history?${query}`),
    historyCsv: async (query) => {
      const reply = await call(`history?${new URLSearchParams([...query, ["format", "csv"]])}`, { method: "GET" });
      return { text: await textOf(reply), cursor: reply.headers.get("Next-Cursor") };
    },
    act: (reference, action, decision) => post(`operator/${encodeURIComponent(reference)}/${action}`, decision),
    get,
    post,
  };
}

const isNotSignedIn = (error: unknown) =>
  error instanceof ApiError && ["invalid_session", "invalid_api_key"].includes(error.problem?.code ?? "");

async function problemOf(reply: Response): Promise<Problem | null> {
  const seconds = Number.parseInt(reply.headers.get("Retry-After") ?? "", 10);
  return parseProblem(await reply.json().catch(() => null), Number.isNaN(seconds) ? null : seconds);
}

const answerOf = <Answer>(reply: Response): Promise<Answer> =>
  reply.json().catch(() => {
    throw new ApiError(null);
  });

const textOf = (reply: Response): Promise<string> =>
  reply.text().catch(() => {
    throw new ApiError(null);
  });
