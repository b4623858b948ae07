// Package deploy compares the alerts of a catalogue with a running Splunk, over
// the REST API of its management port, and changes what differs.
//
// A [Client] makes a [Plan] and applies it. What is ours in Splunk is known by a
// marker in alert.managedBy; nothing else is touched. What users change there by
// hand, whether an alert is enabled, its schedule, its suppression, and who is
// told, stays: the marker holds hashes of what was last written, so that a
// user's value is told from one of ours without any state outside of Splunk.
package deploy
