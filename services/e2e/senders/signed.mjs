// The usual envelope of Standard Webhooks around our own event form.
export const envelope = ({ mark, email, at }) => JSON.stringify({
  type: 'page.viewed', timestamp: at.toISOString(), data: { lead: { email }, properties: { mark, url: 'https://www.example/pricing' } },
});
