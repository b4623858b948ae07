package app

import (
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"

	"auditlog-forwarder/pkg/deadletter"
)

// checkDeadLetters looks whether run could keep dead letters, and how many
// are kept.
func checkDeadLetters(cfg deadletter.Config, report func(step, found string, err error)) {
	there, err := deadletter.Probe(cfg.Dir)
	if err != nil {
		report(stepFolder, "", err)
		return
	}
	switch {
	case !there.Exists:
		report(stepFolder, there.Dir+": will be created", nil)
		report(stepDeadLetters, "none", nil)
		return
	case there.InUse:
		report(stepFolder, there.Dir+": in use by a running forwarder", nil)
	default:
		report(stepFolder, there.Dir+": can be written", nil)
	}
	found, err := fill(there, cfg.MaxBytes)
	report(stepDeadLetters, found, err)
}

// scanLimit bounds what check reads, since it is waited for.
const scanLimit = 64 << 20

// fill tells how full the store is and, of one that is read quickly, how many
// entries wait.
func fill(there deadletter.Found, most int64) (string, error) {
	found := fmt.Sprintf("%s of %s", iec(there.Bytes), iec(most))
	if there.Bytes <= scanLimit {
		pending, _, err := deadletter.Summary(there.Dir)
		waiting := 0
		for _, n := range pending {
			waiting += n
		}
		found = fmt.Sprintf("%d waiting, %s", waiting, found)
		var damage *deadletter.DamageError
		if errors.As(err, &damage) {
			return "", &warning{found + "; " + damage.Error(), "look at these lines; they are neither replayed nor removed"}
		}
		if err != nil {
			return "", err
		}
	}
	if there.Bytes > most/10*9 {
		return "", &warning{"almost full: " + found, "make room: auditlog-forwarder deadletter replay, or deadletter purge --replayed --yes, or archive the file by moving it away, or raise dead_letter.max_bytes"}
	}
	return found, nil
}

func iec(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }
