// svix signs as Standard Webhooks has it; what its servers send bears its own names in the headers.
import { Webhook } from 'svix';
import { persistently, post, run, secret } from './lib.mjs';
import { envelope } from './signed.mjs';

const webhook = new Webhook(secret);
await run((event) => persistently(() => {
  const [id, now, body] = [`msg_${event.n}`, new Date(), envelope(event)];
  return post({
    'svix-id': id, 'svix-timestamp': String(Math.floor(now / 1000)), 'svix-signature': webhook.sign(id, now, body),
  }, body, { timeout: 15, final: [410] });
}));
