/** Reads what a payment link asks for, from the page as it was served or from the API. */

export type LinkStatus = "open" | "paid" | "cancelled" | "expired";

export interface PaymentLink {
  readonly status: LinkStatus;
  readonly orderId: string;
  readonly amount: number;
  readonly currency: string;
  readonly description: string;
  readonly merchantName: string | null;
  readonly support: string | null;
  readonly orderToken: string;
}

/** What the server writes into the page that it serves, so that a slow phone shows the order after one request. */
export interface Served {
  readonly gatewayUrl: string;
  readonly link: PaymentLink | null;
}

export type LinkAnswer = PaymentLink | "unknown" | "unreachable";

const STATUSES: readonly unknown[] = ["open", "paid", "cancelled", "expired"] satisfies LinkStatus[];

/** Returns what the server wrote into the page; null where it wrote nothing. */
export function readServed(text: string | null): Served | null {
  const served = JSON.parse(text ?? "null") as { gatewayUrl?: unknown; link?: unknown } | null;
  if (typeof served?.gatewayUrl !== "string") return null;
  return { gatewayUrl: served.gatewayUrl, link: isLink(served.link) ? served.link : null };
}

/** Returns where the API is, and the link's id, by the page's address: `<the API>/pay/<id>`. */
export function addressesOf(page: Pick<Location, "origin" | "pathname">): { apiUrl: string; linkId: string } {
  const [before = "", linkId = ""] = page.pathname.split("/pay/");
  return { apiUrl: page.origin + before, linkId: linkId.replace(/\/$/, "") };
}

/** Asks the API for the link. `unknown`: there is none, or none any more. */
export async function readLink(apiUrl: string, linkId: string): Promise<LinkAnswer> {
  try {
    const reply = await fetch(`${apiUrl}/api/payment/links/${encodeURIComponent(linkId)}`, { cache: "no-store" });
    if (reply.status === 404) return "unknown";
    const link: unknown = await reply.json();
    return reply.ok && isLink(link) ? link : "unreachable";
  } catch {
    return "unreachable";
  }
}

function isLink(value: unknown): value is PaymentLink {
  if (typeof value !== "object" || value === null) return false;
  const { status, orderId, amount, currency, description, orderToken } = value as Record<string, unknown>;
  return (
    STATUSES.includes(status) &&
    Number.isInteger(amount) &&
    [orderId, currency, description, orderToken].every((text) => typeof text === "string")
  );
}
