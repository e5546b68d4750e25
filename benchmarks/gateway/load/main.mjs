// Loads a gateway, and prints what it measured as one JSON object: `bun main.mjs PLAN`.
import { readFileSync } from "node:fs";
import { Browser } from "./browser.mjs";
import { Connections, Publisher } from "./connections.mjs";
import { Payment } from "./frames.mjs";
import { kilobytes } from "./processes.mjs";
import { Scenarios } from "./scenarios.mjs";

const plan = JSON.parse(readFileSync(process.argv[2], "utf8"));
const wrong = [];
const complain = (text) => wrong.push(text);
const connections = new Connections(plan.port);
const scenarios = new Scenarios(plan, connections, new Publisher(plan.redisPort));

function run() {
  const payments = plan.payments.map((payment) => new Payment(payment, plan.changes));
  const browsers = payments.map((payment) => new Browser(payment, complain));
  const before = kilobytes(plan.serverPid);
  const measured = { connect: scenarios.connect(browsers) };
  scenarios.rest(plan.idleSeconds);
  measured.kilobytes = (kilobytes(plan.serverPid) - before) / browsers.length;
  const steps = {
    one: () => scenarios.flood(browsers, "one"),
    three: () => scenarios.flood(browsers, "three"),
    paced: () => scenarios.pace(browsers, "one"),
    leave: () => scenarios.leave(),
    fanOut,
  };
  for (const step of plan.steps) measured[step] = steps[step]();
  return measured;
}

/** One payment that many watch, each with a connection; there is no other connection. */
function fanOut() {
  connections.closeAll();
  scenarios.rest(plan.idleSeconds);
  const payment = new Payment(plan.payments[0], plan.changes);
  const watchers = Array.from({ length: plan.watchers }, () => new Browser(payment, complain));
  scenarios.connect(watchers);
  return scenarios.fanOut(watchers, "one");
}

try {
  const measured = run();
  console.log(JSON.stringify({ ...measured, wrong: wrong.length, firstWrong: wrong.slice(0, 3) }));
} catch (error) {
  console.error(`${error.message}; wrong so far: ${JSON.stringify(wrong.slice(0, 3))}`);
  process.exitCode = 1;
}
