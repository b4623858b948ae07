package main

import (
	"fmt"
	"slices"
	"strings"
)

// features are the parts of the product that runs may use.
type features struct {
	ack         bool // indexer acknowledgement
	endpoints   bool // more than one address
	uncommitted bool // batch.max_uncommitted
	rotation    bool // a token file that is read again
	cloudSize   bool // code 6 with number 0 for a body that is too large
}

// lacking is what the product does not have yet; --without has this default.
const lacking = "ack,endpoints,uncommitted,rotation,cloud-size"

func parseFeatures(without string) (features, error) {
	f := features{true, true, true, true, true}
	all := map[string]*bool{
		"ack": &f.ack, "endpoints": &f.endpoints, "uncommitted": &f.uncommitted, "rotation": &f.rotation, "cloud-size": &f.cloudSize,
	}
	for name := range strings.SplitSeq(without, ",") {
		if name == "" {
			continue
		}
		on, ok := all[name]
		if !ok {
			return f, fmt.Errorf("--without: %q is unknown; allowed are ack, endpoints, uncommitted, rotation, cloud-size", name)
		}
		*on = false
	}
	return f, nil
}

// can reports whether the product is up to a step.
func (f features) can(v verb) bool {
	switch {
	case slices.Contains([]verb{doPolls, doForget, doNoAck, doSilent, doLate}, v):
		return f.ack
	case v == doDead:
		return f.endpoints
	case v == doRotate:
		return f.rotation
	case v == doCloud:
		return f.cloudSize
	}
	return true
}
