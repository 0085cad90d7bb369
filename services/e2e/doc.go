// Package e2e tests Baton as its users meet it: real processes, real ports, real engines, HTTP in and signed webhooks out.
// There is no code here but tests.
//
// A Cluster is one running Baton. The suite runs against `baton up`; built with -tags integration, the same suite runs
// against four processes on a networked nats-server and a real redis-server. The crash tests always run four processes: in
// the plain build their Redis is the embedded one, held by the test. They are short and seeded by default;
// BATON_CHAOS_MINUTES makes them long, BATON_FAIRNESS_HANDOFFS the one of shares large, BATON_CHAOS_SEED all of them other.
//
// Built with -tags senders, there is TestSenders beside it: the vendors' own SDKs, run by the Node scripts in senders
// (make test-senders).
//
// Speed, latency and memory are benchmarks (make bench): they gate ratios to raw limits measured in the same run, and are
// no part of go test.
package e2e
