// standardwebhooks signs; the loop is the specification's: any 2xx is delivered, 410 ends it, the timestamp is each
// attempt's own, the id every attempt's.
import { Webhook } from 'standardwebhooks';
import { persistently, post, run, secret } from './lib.mjs';
import { envelope } from './signed.mjs';

const webhook = new Webhook(secret);
await run((event) => persistently(() => {
  const [id, now, body] = [`msg_${event.n}`, new Date(), envelope(event)];
  return post({
    'webhook-id': id, 'webhook-timestamp': String(Math.floor(now / 1000)), 'webhook-signature': webhook.sign(id, now, body),
  }, body, { timeout: 20, final: [410] });
}));
