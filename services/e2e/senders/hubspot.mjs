// @hubspot/api-client has the signature that HubSpot's own apps check, v3. The loop is HubSpot's: a 2xx within five
// seconds, ten retries; attemptNumber counts, and each attempt is signed with its own time.
import { Signature } from '@hubspot/api-client';
import { persistently, post, run, secret, source } from './lib.mjs';

const uri = `https://baton.example/webhooks/${source}`; // as HubSpot knows it: http.public_url
await run(({ n, mark, at }) => persistently((attempt) => {
  const requestBody = JSON.stringify([{
    eventId: 1_000_000 + n, subscriptionId: 4711, portalId: 62515, appId: 8080, occurredAt: at.getTime(), attemptNumber: attempt,
    subscriptionType: 'contact.propertyChange', objectId: 100 + (n % 60), propertyName: 'jobtitle', propertyValue: mark, changeSource: 'CRM_UI',
  }]);
  const timestamp = Date.now();
  return post({
    'X-HubSpot-Signature-v3': Signature.getSignature('POST', 'v3', { clientSecret: secret, url: uri, requestBody, timestamp }),
    'X-HubSpot-Request-Timestamp': String(timestamp),
  }, requestBody, { timeout: 5 });
}, [0.1, 0.3, 1, 2, 2, 4, 4, 8, 8, 16]));
