import { useState } from "react";
import { toast } from "sonner";

import type { Addresses } from "./addresses";
import { Simulator, type SimulatorTransaction } from "./simulator";

interface WhatIfProps {
  readonly addresses: Addresses;
  readonly reference: string | null;
  readonly refetch: () => Promise<void>;
  readonly newOrder: () => void;
}

const REDIS_PAUSE_SECONDS = 15;

/** Offers a button for each fault that the simulator can cause. */
export function WhatIf({ addresses, reference, refetch, newOrder }: WhatIfProps) {
  const simulator = new Simulator(addresses.simulatorUrl);
  const [truth, setTruth] = useState<SimulatorTransaction | null>(null);
  const run = (action: () => Promise<unknown>) => () =>
    action().catch((error: unknown) => toast.error(error instanceof Error ? error.message : String(error)));
  const ask = async () => setTruth(reference ? await simulator.transactionOf(reference) : null);
  const needsPayment = reference === null;

  return (
    <section className="card">
      <h2>What would happen if…</h2>
      <div className="chips">
        <Chip run={run(() => simulator.decide(reference ?? "", "SUCCESSFUL", true))} disabled={needsPayment}>
          the customer approves now
        </Chip>
        <Chip run={run(() => simulator.decide(reference ?? "", "SUCCESSFUL", false))} disabled={needsPayment}>
          … and the webhook is lost
        </Chip>
        <Chip run={run(() => simulator.decide(reference ?? "", "FAILED", true))} disabled={needsPayment}>
          the customer declines now
        </Chip>
        <Chip run={run(() => simulator.loseWebhook())}>the next webhook is lost</Chip>
        <Chip run={run(() => cutSockets(addresses.gatewayUrl))}>the socket is cut</Chip>
        <Chip run={run(() => simulator.pauseRedis(REDIS_PAUSE_SECONDS))}>Redis hangs for {REDIS_PAUSE_SECONDS} s</Chip>
      </div>
      <div className="chips">
        <Chip run={run(ask)} disabled={needsPayment}>
          ask CamPay
        </Chip>
        <Chip run={run(refetch)} disabled={needsPayment}>
          read again
        </Chip>
        <Chip run={newOrder}>new order</Chip>
      </div>
      {truth && (
        <p id="truth" data-status={truth.status} role="status">
          CamPay says {truth.status}; money {truth.moneyMoved ? "moved" : "did not move"}.
        </p>
      )}
    </section>
  );
}

function Chip({ run, disabled, children }: { run: () => void; disabled?: boolean; children: React.ReactNode }) {
  return (
    <button type="button" className="chip" onClick={run} disabled={disabled}>
      {children}
    </button>
  );
}

async function cutSockets(gatewayUrl: string): Promise<void> {
  await fetch(`${gatewayUrl}/payment-test/cut`, { method: "POST" });
}
