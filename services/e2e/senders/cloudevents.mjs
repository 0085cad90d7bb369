// cloudevents, in the mode that the argument names: its own transport, which sends in chunks. That one does not tell the
// status; what is refused is known by its type, the problem details.
import { CloudEvent, Mode, emitterFor, httpTransport } from 'cloudevents';
import { persistently, run, secret, webhook } from './lib.mjs';

const mode = { binary: Mode.BINARY, structured: Mode.STRUCTURED }[process.argv[2]];
const emit = emitterFor(httpTransport(webhook), { mode });
await run(({ n, mark, email, at }) => {
  const event = new CloudEvent({
    id: `ce-${n}`, source: '/sdk/cloudevents', type: 'page_viewed', time: at.toISOString(), datacontenttype: 'application/json',
    subject: 'the pricing page, 100% of it', data: { lead: { email }, properties: { mark, url: 'https://www.example/pricing' } },
  });
  return persistently(async () => {
    const r = await emit(event, { headers: { authorization: `Bearer ${secret}` } });
    if ((r.headers['content-type'] ?? '').includes('problem+json')) throw new Error(r.body);
  });
});
