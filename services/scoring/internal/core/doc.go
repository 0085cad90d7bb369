// Package core holds the rules of scoring: what a lead is worth, and what follows from what it does. It knows no clock, no
// network and no encoding; the same events give the same leads, whoever folds them.
//
// A lead's way reads as follows. Lead.Apply folds one event into the lead: who it is (profile.go), what it did (items.go,
// timeline.go), what sales and the CRM said (stage.go). Lead.Decide then says what follows (decide.go): it joined another
// lead (merge.go), it entered a stage, it qualified, its score crossed a band. What was decided is applied like everything
// else, so that a lead is nothing but the fold of its log.
//
// What a lead knows is made of sets, of latest values by (occurred_at, event id), and of sums over sets, so that neither the
// order in which events arrive nor the order in which leads are joined changes it. The exceptions are few and stated where
// they are made.
//
// Times are nanoseconds since 1970 UTC, 0 for none. Points are micro-points.
package core
