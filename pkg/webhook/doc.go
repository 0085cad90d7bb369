// Package webhook signs and verifies webhooks as Standard Webhooks has it (https://www.standardwebhooks.com): the headers
// webhook-id, webhook-timestamp and webhook-signature over the bytes of the body.
//
// The signed content is `<webhook-id>.<webhook-timestamp>.<body>`. Two schemes are known:
//
//   - v1: HMAC-SHA256 with a shared secret;
//   - v1a: ed25519, so that the receiver holds nothing that could forge a message.
//
// A webhook-signature header is a list, separated by spaces: one entry per secret, so that a secret can be changed
// without a gap. The sender signs with the new and the old one for a while, the receiver accepts either.
//
// Secrets are strings, told apart by their prefix:
//
//	whsec_<base64>   v1, the decoded bytes are the key
//	whsk_<base64>    v1a, private key: the 32-byte seed, or the 64 bytes of seed and public key
//	whpk_<base64>    v1a, public key, 32 bytes: verifies only
//	anything else    v1, the text's own bytes are the key, never decoded
//
// The timestamp is rewritten on each attempt; webhook-id is the same on every attempt and is what a receiver recognises
// a repeat by.
package webhook
