// @segment/analytics-node as it comes, but for the ten seconds that its last batch would wait: batches of 15, ten retries.
import { Analytics } from '@segment/analytics-node';
import { run, secret, url } from './lib.mjs';
import { called } from './tracking.mjs';

const analytics = new Analytics({ writeKey: secret, host: url, flushInterval: 1000 });
await run((event) => called(analytics, event), () => analytics.closeAndFlush({ timeout: 60_000 }));
