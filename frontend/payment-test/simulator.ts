/** Calls the controls of CamPay's simulator, which only a test page may do. */

export interface SimulatorTransaction {
  readonly reference: string;
  readonly externalReference: string;
  readonly status: string;
  readonly moneyMoved: boolean;
}

export class Simulator {
  constructor(private readonly url: string) {}

  /** Returns CamPay's record of the payment; null before the prompt was sent. */
  async transactionOf(reference: string): Promise<SimulatorTransaction | null> {
    const query = new URLSearchParams({ externalReference: reference });
    const response = await fetch(`${this.url}/simulator/transactions?${query}`);
    const rows = (await response.json()) as SimulatorTransaction[];
    return rows[0] ?? null;
  }

  /** Decides as the customer would, with or without a webhook. */
  async decide(reference: string, status: "SUCCESSFUL" | "FAILED", webhook: boolean): Promise<void> {
    const transaction = await this.transactionOf(reference);
    if (transaction === null) throw new Error("CamPay has no transaction of this payment");
    await this.post(`transactions/${transaction.reference}/resolve`, { status, webhook });
  }

  /** Loses the next webhook. */
  loseWebhook(): Promise<void> {
    return this.post("faults", { webhook: ["lost"] });
  }

  /** Makes Redis hang for a while. */
  pauseRedis(seconds: number): Promise<void> {
    return this.post("redis", { pauseSeconds: seconds });
  }

  private async post(path: string, body: object): Promise<void> {
    const response = await fetch(`${this.url}/simulator/${path}`, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`the simulator refused: ${await response.text()}`);
  }
}

/** The simulator's phone numbers, and what their owners do. */
export const NUMBERS: readonly (readonly [phoneNumber: string, behaviour: string])[] = [
  ["237677777777", "approved (MTN)"],
  ["237699999999", "approved (Orange)"],
  ["237677777770", "declined"],
  ["237670000009", "not enough funds"],
  ["237670000001", "cancelled on the phone"],
  ["237670000002", "webhook lost"],
  ["237670000003", "approved late"],
  ["237670000004", "our call's answer lost"],
  ["237670000005", "five webhooks"],
  ["237670000006", "other amount"],
  ["237670000007", "forged webhook"],
  ["237670000008", "502 after accepting"],
];
