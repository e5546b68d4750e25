/** Where the parts of the system are, as the gateway that serves this page tells. */
export interface Addresses {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly simulatorUrl: string;
}

export async function readAddresses(): Promise<Addresses> {
  const told = (await (await fetch("/payment-test/addresses.json")).json()) as Omit<Addresses, "gatewayUrl">;
  return { ...told, gatewayUrl: window.location.origin };
}
