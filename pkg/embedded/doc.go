// Package embedded runs the journal's engine inside this process: a NATS server with JetStream. It changes the endpoint and nothing else:
// clients, streams and keys are the same as with a server of its own. No other package imports the engine.
package embedded
