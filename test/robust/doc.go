// Package robust holds tests that treat the product badly, kill it, fill its
// disk, and check afterwards what must hold. What they need is in
// child_test.go: this test binary, run again as the process to be mistreated.
//
// GATEHOUSE_KILLS sets how often processes are killed, GATEHOUSE_CHAOS how many
// seconds endpoints of a cluster misbehave.
package robust
