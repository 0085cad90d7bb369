// Package embedded runs the engines that Baton stands on inside this process: a NATS server with JetStream, and a lead
// store that speaks Redis. They change endpoints and nothing else: clients, streams and keys are the same as with servers
// of their own. No other package imports these engines.
package embedded
