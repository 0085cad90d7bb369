// The calls that the tracking SDKs make, each kind in turn.

// call makes the call for an event with an SDK of Segment's shape; done is its callback. The SDK makes the messageId.
export function call(analytics, { n, mark, user, email, at }, done) {
  const common = { userId: user, timestamp: at, context: { traits: { email } } };
  switch (n % 3) {
    case 0:
      return analytics.identify({ ...common, traits: { email, title: mark } }, done);
    case 1:
      return analytics.page({ ...common, name: 'Pricing', properties: { mark, url: 'https://www.example/pricing' } }, done);
    default:
      return analytics.track({ ...common, event: 'Page Viewed', properties: { mark } }, done);
  }
}

// called makes a promise of a call: kept once the SDK says that it is delivered.
export const called = (analytics, event) => new Promise((resolve, reject) => {
  call(analytics, event, (err) => (err ? reject(err) : resolve()));
});

// drained flushes until the SDK's queue is empty; for SDKs that flush one batch at a time.
export async function drained(analytics) {
  while (analytics.queue.length > 0) await analytics.flush();
}
