import { createHmac } from "node:crypto";

import { Checkout } from "./Checkout";

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signs an order as JWT, with HS256. */
function sign(claims: object): string {
  const text = `${base64url({ alg: "HS256", typ: "JWT" })}.${base64url(claims)}`;
  const key = process.env["ORDER_TOKEN_KEY"] ?? "";
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

export default async function Page({ searchParams }: { searchParams: Promise<{ order?: string }> }) {
  const { order } = await searchParams;
  const exp = Math.floor(Date.now() / 1000) + 1800;
  const orderToken = sign({ orderId: order, amount: 5000, currency: "XAF", exp });
  return (
    <main>
      <Checkout
        orderToken={orderToken}
        apiUrl={process.env["API_URL"] ?? ""}
        gatewayUrl={process.env["GATEWAY_URL"] ?? ""}
      />
    </main>
  );
}
