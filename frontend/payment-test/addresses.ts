/** The URLs of the system's parts, as the gateway that serves this page returns them. */
export interface Addresses {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly simulatorUrl: string;
}

export async function readAddresses(): Promise<Addresses> {
  const told = (await (await fetch("/payment-test/addresses.json")).json()) as Omit<Addresses, "gatewayUrl">;
  return { ...told, gatewayUrl: window.location.origin };
}
