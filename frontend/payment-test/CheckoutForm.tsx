import { type FormEvent, useState } from "react";
import { ProblemWords } from "../src/components/payment/ProblemWords";
import { formatAmount } from "../src/currency";
import type { Problem } from "../src/paymentContract";
import { operatorHint, parsePhoneNumber } from "../src/phoneNumber";
import type { TestOrder } from "./order";
import { NUMBERS } from "./simulator";

interface CheckoutFormProps {
  readonly order: TestOrder;
  readonly problem: Problem | null;
  readonly retryAt: number | null;
  readonly lastNumber: string;
  readonly pay: (phoneNumber: string) => void;
  readonly newOrder: () => void;
}

const TEXTS = {
  fr: {
    title: "Votre commande",
    product: "Box braids, pose comprise",
    phone: "Numéro mobile money",
    hint: "MTN ou Orange, par exemple 6 77 77 77 77",
    wrong: "Saisissez neuf chiffres, en commençant par 6.",
    pay: (price: string) => `Payer ${price}`,
    another: "Nouvelle commande",
    numbers: "Numéros du simulateur",
  },
  en: {
    title: "Your order",
    product: "Box braids, fitting included",
    phone: "Mobile money number",
    hint: "MTN or Orange, such as 6 77 77 77 77",
    wrong: "Enter nine digits, the first one a 6.",
    pay: (price: string) => `Pay ${price}`,
    another: "New order",
    numbers: "The simulator's numbers",
  },
};

export function CheckoutForm({ order, problem, retryAt, lastNumber, pay, newOrder }: CheckoutFormProps) {
  const [text, setText] = useState(lastNumber);
  const [isWrong, setIsWrong] = useState(false);
  const texts = TEXTS[order.locale];
  const phoneNumber = parsePhoneNumber(text);
  const isPaid = problem?.code === "order_already_paid";
  const price = formatAmount(order.amount, order.currency, order.locale);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsWrong(phoneNumber === null);
    if (phoneNumber) pay(phoneNumber);
  };

  return (
    <form className="card" onSubmit={submit} noValidate>
      <h1>{texts.title}</h1>
      <dl className="lines">
        <dt>{texts.product}</dt>
        <dd>{price}</dd>
        <dt className="muted">{order.orderId}</dt>
        <dd />
      </dl>
      {problem && (
        <p className="notice">
          <ProblemWords problem={problem} retryAt={retryAt} locale={order.locale} />
        </p>
      )}
      {isPaid ? (
        <button type="button" className="primary" onClick={newOrder}>
          {texts.another}
        </button>
      ) : (
        <>
          <label htmlFor="phone">{texts.phone}</label>
          <div className="field">
            <input
              id="phone"
              type="tel"
              inputMode="numeric"
              autoComplete="tel"
              value={text}
              onChange={(event) => setText(event.target.value)}
              aria-describedby="phone-hint"
              aria-invalid={isWrong}
            />
            {phoneNumber && <output className="operator">{operatorHint(phoneNumber)}</output>}
          </div>
          <p id="phone-hint" className={isWrong ? "wrong" : "muted"}>
            {isWrong ? texts.wrong : texts.hint}
          </p>
          <button id="pay" type="submit" className="primary">
            {texts.pay(price)}
          </button>
        </>
      )}
      <fieldset>
        <legend>{texts.numbers}</legend>
        {NUMBERS.map(([number, behaviour]) => (
          <button key={number} type="button" className="chip" data-number={number} onClick={() => setText(number)}>
            {behaviour}
          </button>
        ))}
      </fieldset>
    </form>
  );
}
