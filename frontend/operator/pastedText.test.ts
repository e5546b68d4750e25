import { describe, expect, test } from "vitest";

import { payment } from "../tests/operatorPage";
import { CUSTOMER_SENTENCES } from "./customerSentences";
import { doubtIn, guessesIn } from "./pastedText";

const REFERENCE = "0b8f6c1e-5d0a-4a37-9a53-2f1f4f0f9a11";
const first = (text: string) => guessesIn(text)[0];
const fields = (text: string) => guessesIn(text).map(({ field }) => field);

describe("one word", () => {
  test.each([
    ["order-1042", "orderId", "order-1042"],
    [` ${REFERENCE.toUpperCase()} `, "reference", REFERENCE],
    [`https://shop.example/operator#/payment/${REFERENCE}`, "reference", REFERENCE],
    ["MP260115.1000.A12345", "operatorReference", "MP260115.1000.A12345"],
    ["mp260115.1000.a12345", "operatorReference", "MP260115.1000.A12345"],
    ["18801069560", "operatorReference", "18801069560"],
    ["677777777", "phoneNumber", "237677777777"],
    ["+237 6 77 77 77 77", "phoneNumber", "237677777777"],
    ["237677777777", "phoneNumber", "237677777777"],
  ])("%s", (text, field, value) => {
    expect(first(text)).toEqual({ field, value });
  });

  test("a UUID may be CamPay's reference too, and a word everything that is named by one", () => {
    expect(fields(REFERENCE)).toEqual(["reference", "providerReference", "orderId"]);
    expect(fields("b72d9ca7-5d0a-1a37-9a53-2f1f4f0f9a11")).toEqual(["providerReference", "orderId"]);
    expect(fields("1042")).toEqual(["orderId", "operatorReference", "providerReference"]);
    expect(fields("677777777")).toEqual(["phoneNumber", "orderId"]);
  });
});

describe("the beginning of our reference", () => {
  test.each(["0B8F-6C1E", "0b8f6c1e", "Réf 0B8F-6C1E svp"])("is read in %s", (text) => {
    expect(guessesIn(text)).toContainEqual({ field: "short", value: "0b8f6c1e" });
  });

  test.each(["0B8F-6C1", "0B8F-6C1E-5D0A", "cafe-dead beef", REFERENCE, "12345678901"])("is not in %s", (text) => {
    expect(fields(text)).not.toContain("short");
  });

  test("comes after an order that is called so", () => {
    expect(fields("1234-5678").slice(0, 2)).toEqual(["orderId", "short"]);
  });
});

describe("a whole SMS", () => {
  test.each([
    [
      "MTN in English",
      "You have successfully paid 5,000 XAF to BRAIDSTER (237670000099) on 2026-01-15 10:00:03. " +
        "Financial Transaction Id: 18801069560. Your new balance is 12,450 XAF. Fee: 0 XAF",
      { field: "operatorReference", value: "18801069560" },
    ],
    [
      "MTN in French",
      "Vous avez payé 5000 FCFA à BRAIDSTER. ID de transaction: 18801069560. Nouveau solde: 1245000 FCFA.",
      { field: "operatorReference", value: "18801069560" },
    ],
    [
      "Orange",
      "Paiement de 5000 FCFA reussi. ID transaction:MP260115.1000.A12345, Frais: 0 FCFA. Nouveau solde: 12450 FCFA.",
      { field: "operatorReference", value: "MP260115.1000.A12345" },
    ],
  ])("%s: the id in it comes first", (_, text, guess) => {
    expect(first(text)).toEqual(guess);
  });

  test("amounts, dates and balances are no ids, and the numbers in it come last", () => {
    const sms =
      "Paiement de 5 000 FCFA le 15/01/2026 a 10:00:03 par 677777777. Solde: 12450 FCFA. ID transaction: 18801069560";
    expect(guessesIn(sms)).toEqual([
      { field: "operatorReference", value: "18801069560" },
      { field: "phoneNumber", value: "237677777777" },
    ]);
  });

  test("a text without an id yields nothing", () => {
    expect(guessesIn("Bonjour, j’ai payé 5 000 FCFA ce matin")).toEqual([]);
    expect(guessesIn("  ")).toEqual([]);
  });
});

test("each of our own messages leads back to its order", () => {
  const facts = {
    amount: "5 000 FCFA",
    order: "order-1042",
    short: "0b8f6c1e",
    refunds: { done: "FCFA 0", open: "FCFA 0" },
    ussdCode: "*126#",
    extra: [{ amount: "5 000 FCFA", day: "31 janv.", time: "12:00", id: "18801069560" }],
    failure: "Wrong code.",
  };
  for (const sentences of Object.values(CUSTOMER_SENTENCES)) {
    for (const sentence of Object.values(sentences)) {
      expect(guessesIn(sentence(facts))).toContainEqual({ field: "orderId", value: "order-1042" });
    }
  }
});

describe("an order as people say it", () => {
  test.each(["braid-3500", "Braid 3500", "BRAID 3500", "braid3500", "braid#3500"])("%s", (text) => {
    expect(guessesIn(text)).toContainEqual({ field: "orderId", value: "BRAID-3500" });
  });

  test("in a sentence, as it is written and in capitals", () => {
    expect(guessesIn("twice braid-3500 5000")).toEqual([
      { field: "orderId", value: "braid-3500" },
      { field: "orderId", value: "BRAID-3500" },
    ]);
  });

  test.each([
    "see shop.example/braid-3500x",
    "mail me at braid-3500@shop.example",
    "it was braid-3500-b of mine",
    "she paid 5000 - braid",
  ])("a part of another word is none: %s", (text) => {
    expect(guessesIn(text)).toEqual([]);
  });

  test("what was typed comes first", () => {
    expect(first("braid-3500")).toEqual({ field: "orderId", value: "braid-3500" });
  });
});

describe("a text that speaks against the payment found", () => {
  const found = payment("pending", {
    amount: 15_000,
    createdAt: "2026-01-15T22:58:00Z",
    updatedAt: "2026-01-15T23:01:00Z", // the sixteenth in Douala
  });

  test.each([
    ["Vous avez paye 15000 FCFA le 15/01/2026. Nouveau solde: 42150 FCFA.", null],
    ["You paid XAF 15,000.00 on 2026-01-16. Your new balance is 12,450 XAF.", null],
    ["Paiement de 15.000 F CFA le 16-01-2026", null],
    ["Paiement de 15\u202f000 FCFA le 16.1.2026", null],
    ["18801069560", null],
    ["13516b8f-c2b3-46ea-b86e-aa4499a6bb62", null],
    ["Nouveau solde: 42150 FCFA. Frais: 0 FCFA", null],
    ["Vous avez paye 150000 FCFA le 15/01/2026. Nouveau solde: 42150 FCFA.", "amount"],
    ["Vous avez paye 1500 F le 15/01/2026", "amount"],
    ["Vous avez paye 150000 FCFA. Nouveau solde: 15000 FCFA.", "amount"],
    ["Vous avez paye 15000 FCFA le 12/03/2026.", "day"],
    ["ID 18801069560, 2026-01-14", "day"],
  ])("%s", (text, doubt) => {
    expect(doubtIn(text, found)).toBe(doubt);
  });
});
