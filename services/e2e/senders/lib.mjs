// What the scripts share: who the events are about, how fast they come, and what is told to the test that runs the script.
//
// A script is told by its environment where Baton is (BATON_URL), what its source is called (BATON_SOURCE) and what it
// signs with (BATON_SECRET). It sends until its standard input ends. It writes a line "delivered N" for each event that its
// SDK says is delivered, and "sent N" when all N are; it exits with 1 if its SDK has given one up.

import { setTimeout as sleep } from 'node:timers/promises';

export const url = process.env.BATON_URL;
export const source = process.env.BATON_SOURCE;
export const secret = process.env.BATON_SECRET;
export const webhook = `${url}/webhooks/${source}`;

const persons = 60; // so that no score reaches its end
const perTick = 5;
const tick = 50; // milliseconds

// event gives the nth event: its mark, by which the test finds it again, and the person.
function event(n) {
  const user = `user-${n % persons}`;
  return { n, mark: `sdk-event-${n}`, user, email: `${user}@initech.example`, at: new Date() };
}

// run has events sent, at a steady pace, until the standard input ends. send gives a promise that is kept once the event is
// delivered, and broken if it is given up; finish, if there is one, tells the SDK that no more will come.
export async function run(send, finish = async () => {}) {
  let stopped = false;
  process.stdin.resume().on('end', () => { stopped = true; });
  let delivered = 0;
  const all = [];
  for (let n = 0; !stopped; await sleep(tick)) {
    for (let i = 0; i < perTick; i++, n++) {
      all.push(send(event(n)).then(() => console.log(`delivered ${++delivered}`), (err) => givenUp(n, err)));
    }
  }
  await finish();
  await Promise.all(all);
  console.log(`sent ${all.length}`);
  process.exit(0); // whatever timers the SDK still holds
}

function givenUp(n, err) {
  console.error(`event ${n} was given up:`, err);
  process.exit(1);
}

// persistently does what a sender does whose SDK only signs: it makes an attempt, and makes it again as its rules say.
// attempt(n) makes the nth, from 0 on, signed afresh, and throws unless it was delivered. Vendors wait for seconds, then
// minutes, then hours: these waits keep the order and leave out the hours.
export async function persistently(attempt, waits = [0.1, 0.3, 1, 2, 4, 8, 16]) {
  for (let n = 0; ; n++) {
    try {
      return await attempt(n);
    } catch (err) {
      if (err.final || n === waits.length) throw err;
      await sleep(waits[n] * 1000 * (1 + Math.random() / 5));
    }
  }
}

// post makes one attempt by HTTP: delivered is a 2xx, and what final lists ends the webhook for good. timeout is the
// vendor's, in seconds.
export async function post(headers, body, { timeout, final = [] }) {
  const r = await fetch(webhook, {
    method: 'POST', body, redirect: 'manual', signal: AbortSignal.timeout(timeout * 1000),
    headers: { 'Content-Type': 'application/json', ...headers },
  });
  const text = await r.text();
  if (!r.ok) throw Object.assign(new Error(`${r.status} ${text}`), { final: final.includes(r.status) });
}
