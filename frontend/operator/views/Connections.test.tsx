// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import { expectAccessible, show } from "../../tests/operatorPage";
import type { ConnectionsPage } from "../apiTypes";
import { CONNECTION_TEXTS } from "../connectionTexts";
import { Connections } from "./Connections";

describe("the connections", () => {
  const [early, later] = ["2026-01-31T12:00:00.000Z", "2026-01-31T12:00:01.000Z"];
  const connections = (missingAt: string): ConnectionsPage => ({
    storage: "redis",
    webhooks: { toldAt: "2026-01-31T12:00:00.500Z", missingAt, arrivals: null },
    gateways: [{ gatewayId: "gateway-1", startedAt: early, clients: 2, payments: 2 }],
    clients: [],
    cursor: null,
  });

  test.each(["fr", "en"] as const)("are not called well where webhooks do not come (%s)", async (locale) => {
    const words = CONNECTION_TEXTS[locale].health.well;
    const answered = (page: ConnectionsPage) =>
      show(<Connections />, { api: { get: async () => page as never }, locale });
    const well = await answered(connections(early));
    expect(well.find("[data-health=well]").textContent).toContain(words.title);
    const missing = await answered(connections(later));
    expect(missing.main.textContent).not.toContain(words.title);
    expect(missing.find("[data-health=well]").textContent).toContain(words.sentence);
    expect(missing.find("[data-webhook=missing]").textContent).toContain("13:00:01");
    await expectAccessible(missing.main);
  });
});
