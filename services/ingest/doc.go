// Package ingest takes events from the outside world into the lead journal: webhooks of many senders, the SDKs of Segment
// and RudderStack, and callers of its gRPC service.
//
// What it promises to a sender: an answer of success means that every event that it does not name as rejected is in the
// journal, on disk. To send the same again is always safe, whatever was answered; the fold recognises it. Nothing is
// parsed before it is verified, nothing is built before its cost is bounded, and of a list only the bad events are refused.
//
// A kind of sender is a folder below internal/senders and a row in its table. Everything else here is common to all: the
// HTTP edge, the vocabulary and its payloads, whose lead an event is, and the way into the journal.
package ingest
