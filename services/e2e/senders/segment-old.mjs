// analytics-node, Segment's former SDK. By itself it tries three times again, within two seconds; a Baton with a long journal
// may take longer to start, so it is told to try more often.
import Analytics from 'analytics-node';
import { run, secret, url } from './lib.mjs';
import { called, drained } from './tracking.mjs';

const analytics = new Analytics(secret, { host: url, retryCount: 8, errorHandler: (err) => console.error(err.message) });
await run((event) => called(analytics, event), () => drained(analytics));
