// @sendgrid/eventwebhook only verifies: what this signs must pass it, and then Baton. Bodies end in CR LF, as SendGrid's do.
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { EventWebhook, EventWebhookHeader } from '@sendgrid/eventwebhook';
import { persistently, post, run, secret } from './lib.mjs';

const key = createPrivateKey({ key: Buffer.from(secret, 'base64'), format: 'der', type: 'pkcs8' });
const vendor = new EventWebhook();
const publicKey = vendor.convertPublicKeyToECDSA(createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64'));
await run(({ n, mark, email, at }) => persistently(() => {
  const body = `${JSON.stringify([{
    email, event: 'delivered', timestamp: Math.floor(at / 1000), sg_event_id: `sg-event-${n}`, sg_message_id: `sg-message-${n}.filter-1`,
    'smtp-id': `<${n}@sendgrid.example>`, category: ['q4-launch'], mark,
  }])}\r\n`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = sign('sha256', Buffer.from(timestamp + body), key).toString('base64');
  if (n === 0 && !vendor.verifySignature(publicKey, body, signature, timestamp)) throw new Error('the vendor\'s own check refuses this signature');
  return post({ [EventWebhookHeader.SIGNATURE()]: signature, [EventWebhookHeader.TIMESTAMP()]: timestamp }, body, { timeout: 10 });
}));
