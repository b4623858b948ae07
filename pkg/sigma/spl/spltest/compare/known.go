package main

import (
	"auditlog-forwarder/pkg/sigma"
)

// known names why pySigma's search may answer differently for an event, and is
// empty where it may not.
func known(r *sigma.Rule, raw []byte) string {
	return ""
}
