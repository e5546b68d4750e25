/** The page's texts in English. */

import type { Texts } from "./texts";

export const en: Texts = {
  title: "Payments",
  notLoaded:
    "A part of the page did not come. Check your connection and reload; if that does not help, tell the developers.",
  reload: "Reload",
  skip: "Skip to the content",
  times: "All times are Douala’s.",
  navigation: {
    home: "Search",
    today: "Today",
    payments: "Payments",
    attention: "To handle",
    money: "Money",
    analytics: "Figures",
    statement: "Statement",
    connections: "Connections",
  },
  navigationLabel: "Views",
  menu: {
    language: "Language",
    theme: "Appearance",
    themes: { system: "Auto", light: "Light", dark: "Dark" },
    rights: { view: "may look", act: "may look and act" },
    signOut: "Sign out",
  },
  signIn: {
    title: "Welcome",
    sentence: "This page shows the shop’s payments and lets you act. It opens with your personal key.",
    ended: "Your session has ended. Sign in again: you will find the page as you left it.",
    key: "Your key",
    hint: "It is kept neither on this page nor in this browser. Your name stands in the history of what you do.",
    submit: "Sign in",
    busy: "Signing in…",
    wrong: "This key is not valid. Check that it is complete, or ask for a new one.",
    endsSoon: (time) => `Your session ends at ${time}. What you have typed will stay.`,
    renew: "Sign in again now",
  },
  problems: {
    forbidden: "Your key lets you look, not act. Nothing was done.",
    not_found: "There is no such payment.",
    payment_changed: "The payment has changed meanwhile. Nothing was done: this is its new state.",
    not_allowed: "The payment’s state does not allow it any more: somebody may have decided already. Nothing was done.",
    invalid_request: "Some of what you entered is not right. Nothing was done.",
    refunds_off: "Paying back is switched off. Nothing was done: use CamPay’s dashboard.",
    refund_too_high: "No more than was charged can go back. Nothing was done: see what has gone back already.",
    refund_not_covered: "Your balance at CamPay with this operator does not cover it. Nothing was done.",
    provider_unavailable: "CamPay does not answer. Nothing has changed; try again in a moment.",
    provider_busy: "CamPay asks for a pause. Nothing has changed; try again in a minute.",
    ledger_unavailable: "The ledger of payments does not answer. Nothing is lost; try again in a moment.",
    differences_changed: "The differences have changed meanwhile: look at them again. Nothing was signed.",
    internal_error: "Something went wrong on our side. Reload before you try again.",
    address_limit: "Too many attempts from this address. Wait a moment.",
  },
  noAnswer: "The service does not answer. Check your connection and try again.",
  noAnswerToAct: "The answer was lost: we do not know whether it was done. Read the history before you try again.",
  tryAgain: "Try again",
  loading: "One moment…",
  unknownView: { title: "There is no such page", sentence: "The address leads to no view." },
  brokenView: {
    title: "This view cannot be shown",
    sentence: "Nothing was done and nothing is lost. Reload the page; if that does not help, tell the developers.",
  },
  states: {
    INITIATING: "Being sent",
    PENDING: "Waits for the customer",
    EXPIRED: "No confirmation",
    FAILED: "Not paid",
    CONFLICTED: "To decide",
    SUCCESSFUL: "Paid",
  },
  givenUp: "Stopped by the customer",
  failures: {
    not_enough_funds: "No funds, or a limit",
    wrong_pin: "Wrong code",
    declined: "Refused by the customer or the operator",
    not_registered: "No account on the number",
    limit_reached: "Limit reached",
    no_answer: "No answer",
    operator_down: "The operator was down",
    number_not_supported: "Number not supported",
    refused: "Request refused",
  },
  late: "late",
  twice: "extra",
  toGiveBack: "to give back",
  paidBack: (isWhole) => (isWhole ? "paid back" : "partly paid back"),
  search: {
    label: "What has the customer given you?",
    hint: "The whole SMS, a phone number, an order or a reference: paste it as it is.",
    submit: "Search",
    busy: "Searching…",
    found: (count) => (count === 1 ? "1 payment found" : `${count} payments found`),
    more: "Older ones match too.",
    doubts: {
      amount:
        "Careful: this payment has none of the amounts in the text. Compare before you answer; a text can be made up.",
      day: "Careful: this payment is not of the date in the text. Compare before you answer; a text can be made up.",
    },
    nothing: "Nothing found",
    nothingHelp:
      "The operator may have taken a payment that we do not know: compare the time and the amount in the SMS with the " +
      "list, or search for the order.",
    fields: {
      orderId: "the order",
      reference: "our reference",
      short: "the beginning of our reference",
      providerReference: "CamPay’s reference",
      operatorReference: "the id in the SMS",
      phoneNumber: "the phone number",
    },
    shortHelp:
      "The beginning of a reference is looked for among the newest payments only, of three days at most. Ask for the " +
      "order, the operator’s SMS or the phone number: those are found whatever their age.",
    lookedFor: (fields) => `Looked for as: ${fields}.`,
    matched: (field, value) => `Found by ${field}: ${value}.`,
    agrees: { amount: "The amount agrees.", day: "The date agrees.", both: "Amount and date agree." },
    sender: (digits) =>
      `Not compared: who sent it. Check that the customer writes from the number that ends in ${digits}.`,
    unreadable:
      "No id was recognised in this text. Paste the whole SMS, or only the reference, the order or the number.",
    latest: "Latest payments",
    all: "All payments",
  },
  list: {
    title: "Payments",
    periods: {
      hour: "Last hour",
      today: "Today",
      yesterday: "Yesterday",
      week: "This week",
      days: "Other days",
    },
    period: "Period",
    from: "From",
    to: "To",
    state: "State",
    operator: "Operator",
    minimum: "Least amount",
    maximum: "Largest amount",
    webhook: "Webhook",
    webhookMissing: "Without a webhook",
    all: "All",
    columns: {
      time: "Time",
      order: "Order",
      amount: "Amount",
      operator: "Operator",
      number: "Number",
      state: "State",
      age: "Since",
    },
    noneAtAll: "No payment matches.",
    more: "Show more",
    count: (shown, hasMore) => (hasMore ? `${shown} shown, there are more` : `${shown} shown, that is all`),
    phones: (count) => (count === 1 ? "1 phone" : `${count} phones`),
    csv: "Download (CSV)",
    csvBusy: (rows) => `Downloading… ${rows} rows`,
    csvDone: (rows) => `File saved: ${rows} rows.`,
    refresh: "Refresh",
    updated: (time) => `As of ${time}`,
  },
  attention: {
    title: "To handle",
    nothing: "Nothing to handle: nobody waits for a decision.",
    strip: (cases, count, age) =>
      count === 1 ? `1 case to handle, for ${age}` : `${cases} cases to handle, the oldest for ${age}`,
    open: "View",
    kinds: {
      underReview: {
        title: "CamPay and the order do not say the same",
        sentence: "The order stays blocked. Open the payment, compare, ask the customer, then decide.",
      },
      duplicate: {
        title: "Paid twice",
        sentence: "Pay the extra payment back in CamPay’s dashboard. Then open the payment and mark it as handled.",
      },
      undecided: {
        title: "CamPay has never answered",
        sentence:
          "The time is over, and we do not know whether the prompt went out. Open the payment, check with CamPay, then look " +
          "in its dashboard for the time, the amount and our reference.",
      },
      refundOpen: {
        title: "We do not know whether the money went back",
        sentence:
          "CamPay has not said for three days. Look in its dashboard for the refund’s reference: if it is there and has ended, " +
          "check with CamPay; if CamPay cannot say, open the payment and decide.",
      },
      undelivered: {
        title: "Not told yet",
        sentence:
          "The shop or a screen waits for news. It is sent again by itself every minute; if that lasts, tell the technical team.",
      },
      statementDifference: {
        title: "CamPay’s statement differs",
        sentence: "Open the day, follow each difference to its payment, and sign what is explained.",
      },
      statementMissing: {
        title: "Not compared with CamPay’s statement",
        sentence:
          "The night did not get to the end of the day’s statement. Four nights try; if the day stays here, tell the " +
          "technical team: it can be compared by hand.",
      },
    },
    payBackHere: "Open the payment and pay the extra payment back there.",
    differences: (count) => (count === 1 ? "1 difference" : `${count} differences`),
    oldestOf: (shown, all) => `The ${shown} oldest of ${all}.`,
  },
  failing: (operator) => `${operator}: payments are failing.`,
  today: {
    title: "Today",
    live: "Live: what changes shows by itself.",
    lost: (since, asOf) =>
      `Nothing has come by itself since ${since}. The figures are of ${asOf}; they are read again every 15 seconds.`,
    paid: "Paid",
    paidMeaning: "Each payment once; Money has second charges too.",
    payments: (count) => (count === 1 ? "1 payment" : `${count} payments`),
    rate: "Success rate",
    approve: "Time to approve, median",
    waiting: "Waiting now",
    oldest: (age) => `the oldest for ${age}`,
    changes: "What has just changed",
    nothing: "Nothing has changed yet.",
    period: "Period",
    days: (count) => `${count} days`,
    day: "Day",
    paidByDay: "Paid by day",
    rateByDay: "Success rate by day",
    inFigures: "In figures",
  },
  payment: {
    name: "Payment",
    title: (order) => (/^(order|commande)/i.test(order) ? order : `Order ${order}`),
    since: (age) => `for ${age}`,
    refresh: "Refresh",
    customerSees: "What the customer sees",
    verdicts: {
      paid: { title: "Paid", sentence: "The money is there, the order is paid. There is nothing to do." },
      paidLate: {
        title: "Paid, late",
        sentence: "The approval came after the wait had ended. The money is there and the order is paid.",
      },
      paidTwice: {
        title: "Paid twice",
        sentence: "This payment was charged more than once.",
      },
      orderPaidTwice: {
        title: "Order paid twice",
        sentence: "Another attempt had paid this order already.",
      },
      otherPaidToo: {
        title: "Order paid twice",
        sentence:
          "This payment paid the order. Another attempt was charged as well: open it below, it says what to do.",
      },
      paidTwiceSettled: {
        title: "Paid twice, dealt with",
        sentence: "Somebody has dealt with it: the name and the reason are in the history.",
      },
      differs: {
        title: "CamPay and the order do not say the same",
        sentence: "Nobody else will decide: compare, ask the customer, then decide.",
      },
      reviewedPaid: {
        title: "Accepted by a decision",
        sentence: "The payment did not match the order; a person has accepted it.",
      },
      reviewedUnpaid: {
        title: "Refused by a decision",
        sentence:
          "The payment did not match the order; a person has refused it. Money may have been taken: see CamPay’s answer.",
      },
      waiting: {
        title: "The prompt is on the phone",
        sentence: "The customer has not answered yet. The outcome comes by itself.",
      },
      unknownYet: {
        title: "Not known yet",
        sentence:
          "We do not know yet whether the prompt went out or money moved. CamPay is asked regularly; the customer must not " +
          "pay again.",
      },
      expired: {
        title: "No confirmation",
        sentence:
          "The wait ended without an answer. That is no failure: a late approval counts. If the customer has an SMS of the " +
          "operator, check with CamPay.",
      },
      givenUp: {
        title: "Stopped by the customer",
        sentence: "The customer ended the wait. An approval that comes all the same still counts.",
      },
      failed: { title: "Not paid", sentence: "It is proven: nothing was charged. The customer may try again." },
      orderPaidElsewhere: {
        title: "Another attempt has paid the order",
        sentence: "If a prompt is still on the phone, the customer should decline it.",
      },
    },
    difference: {
      amount: (charged, asked) => `CamPay says ${charged}, the order asks for ${asked}.`,
      currency: (charged, asked) => `CamPay says the currency ${charged}, the order asks for ${asked}.`,
      giveBack: (amount) => `To give back: ${amount}, all that the customer paid with it.`,
      giveBackRest: (amount) => `Still to give back: ${amount}.`,
      giveBackOther: (amount) => `To give back is the other attempt, not this one: ${amount}.`,
      charge: (moment, id) => (id ? `Charged: ${moment}; id in the customer’s SMS: ${id}.` : `Charged: ${moment}.`),
      payout: "CamPay says that money went to the customer, not that it came.",
      other: "The amount that CamPay says cannot be read.",
    },
    payBack: {
      byDashboard: "Pay it back in CamPay’s dashboard.",
      here: "“Pay back” sends the money to the customer; that takes the right to act.",
      open: "It is on its way back: do not pay it back a second time.",
      done: "It has been paid back: mark it as handled.",
    },
    undelivered: (age) => `Screens or the shop have been waiting for this for ${age}.`,
    facts: {
      reference: "Our reference",
      provider: "CamPay’s reference",
      operatorReference: "Id in the SMS",
      number: "Number",
      operator: "Operator",
      nextCheck: "CamPay is asked again",
      reason: "Reason",
    },
    noMoreChecks: "none: all is known",
    checkOfFailed: (moment) => `${moment}, in case it takes its answer back`,
    unknownValue: "not known yet",
    story: "What happened",
    causes: {
      initiated: "The customer asked to pay",
      prompted: "CamPay accepted the request",
      refused: "CamPay refused the request",
      "never sent": "The request did not go out",
      webhook: "CamPay told us",
      status: "CamPay had not told us: asked because a page was waiting",
      check: "CamPay had not told us: asked as planned",
      statement: "Found in CamPay’s statement",
      "a further attempt": "Read at CamPay before a further attempt",
      "waited long enough": "The customer’s time was over",
      "given up": "The customer ended the wait",
      "order paid": "Another attempt paid the order",
      "refund requested": "A person asked to pay back",
      "refund answered": "CamPay answered the request to pay back",
      operator: "A person acted",
      recovered: "Made again from the log after the ledger was restored",
    },
    byOperator: (name) => `by ${name}`,
    after: (duration) => `+ ${duration}`,
    campaySays: "CamPay answers",
    fee: (amount) => `fee ${amount}`,
    recordStates: { PENDING: "pending", SUCCESSFUL: "paid", FAILED: "not paid", UNKNOWN: "an unknown word" },
    claimed: "asked for",
    changed: "What changed",
    fields: {
      status: "State",
      providerReference: "CamPay’s reference",
      operatorReference: "Id in the SMS",
      operator: "Operator",
      reason: "Reason",
      ussdCode: "Code to dial",
      late: "Late",
      duplicate: "Extra payment",
      orderPaidBy: "Order paid by",
      charges: "Charges",
      disputed: "Charges of another amount",
      acknowledged: "Dealt with",
      amount: "Amount",
      refunds: "Paid back",
    },
    nothingYet: "nothing",
    shop: "What the shop was told",
    shopHint:
      "The time before is that of the change. “Told”: EventBridge took the event then. That does not prove that a rule of the " +
      "shop matched it, or that its code ran. In the shop’s own log look for the first id: it is the event’s “id”, the same " +
      "however often it is sent. In the bus’s archive and in CloudWatch look for EventBridge’s.",
    shopEvents: {
      "payment.successful": "Paid",
      "payment.failed": "Not paid",
      "payment.expired": "No confirmation",
      "payment.conflicted": "To decide",
      "payment.duplicate": "Paid twice",
      "payment.refunded": "Paid back",
    },
    told: (time) => (time ? `told at ${time}` : "told"),
    busId: (id) => `EventBridge’s id: ${id}`,
    notTold: "not told yet",
    shopTook: (time, answer) => `the shop’s server took it at ${time} (${answer})`,
    shopDidNotTake: (time, answer, count) => {
      const said = answer === null ? "did not answer" : `answered ${answer}`;
      return `the shop’s server ${said} at ${time}, attempt ${count}`;
    },
    nothingToTell: "Nothing yet: the shop is told outcomes only.",
    screens: (delivered, newest) =>
      delivered >= newest ? "The screens are up to date." : `The screens have version ${delivered} of ${newest}.`,
    attempts: (count) => (count === 1 ? "One attempt for this order" : `${count} attempts for this order`),
    charges: (count, isFinal) => {
      if (count === 0) return isFinal ? "No charge." : "No charge known yet.";
      return count === 1 ? "One charge." : `${count} charges: only one was due.`;
    },
    disputed: (count) => (count === 1 ? "One answer of CamPay disagrees." : `${count} answers of CamPay disagree.`),
    thisOne: "this one",
    paysOrder: "paid the order",
    active: "under way",
    notAllListed: "The oldest ones are not shown.",
    acts: "Who acted",
    noActs: "Nobody has acted on this payment yet.",
  },
  refunds: {
    title: "Paid back",
    states: {
      SENDING: "not known yet whether CamPay took it",
      PENDING: "on its way",
      SUCCESSFUL: "the customer has it",
      FAILED: "not paid back",
    },
    of: (charge) => `of charge ${charge}`,
  },
  actions: {
    title: "Act",
    names: {
      recheck: "Check with CamPay",
      redeliver: "Tell the shop again",
      resolve: "Decide",
      acknowledge: "Mark as handled",
      refund: "Pay back",
    },
    explained: {
      recheck: "CamPay is asked now, and what it answers is applied.",
      redeliver: "The screens and the shop get the latest news once more.",
      resolve: "Your decision is final and has your name.",
      acknowledge:
        "If the money has been given back: the payment leaves the list of cases to handle, with your name and your reason.",
    },
    decide: "Your decision",
    outcomes: {
      SUCCESSFUL: { title: "Accept: the order is paid", sentence: "The shop delivers the order. This is final." },
      FAILED: {
        title: "Refuse: the order is not paid",
        sentence: "The customer reads that the shop will be in touch. Give back what was charged. This is final.",
      },
    },
    refundOutcomes: {
      SUCCESSFUL: {
        title: "The customer has the money",
        sentence: "CamPay’s dashboard has the refund, made. The customer reads that the money is back. This is final.",
      },
      FAILED: {
        title: "Nothing was paid back",
        sentence: "Only if CamPay certainly does not have it: it can be paid back again then. This is final.",
      },
    },
    reason: "Reason",
    reasonHint: (name) => `It stays in the history with your name, ${name}. No phone number, please.`,
    reasonMissing: "Give the reason.",
    outcomeMissing: "Choose a decision.",
    confirm: "Confirm",
    cancel: "Cancel",
    busy: "Under way…",
    done: {
      recheck: "CamPay has been asked.",
      redeliver: "The latest news has gone out again.",
      resolve: "It is decided.",
      acknowledge: "Marked as handled.",
    },
  },
  customer: {
    title: "Message for the customer",
    hint: "To paste into WhatsApp.",
    languages: { fr: "French", en: "English" },
    copy: (language) => `Copy in ${language}`,
    copied: "Copied",
    selected: "Selected: copy it with your device.",
  },
};
