package mirror

import (
	"context"
	"crypto/sha256"

	"auditlog-forwarder/pkg/kafka"
)

// maxAhead bounds what is remembered of a destination that is ahead of the
// committed offset. forwarder.Config.MaxUncommitted bounds what a mirror itself
// can leave there, and is far less.
const maxAhead = 1 << 20

// sum tells contents apart.
type sum [16]byte

func sumOf(packed []byte) sum {
	full := sha256.Sum256(kafka.PackedContent(packed))
	return sum(full[:16])
}

// ahead is what stands in the destination behind the noted end: records that a
// predecessor has written and not committed, in the source's order. Records of
// somebody else may stand between them.
type ahead struct {
	sums []sum
	ends []int64 // the offset behind each
}

// readAhead reads [from, to).
func readAhead(ctx context.Context, p *kafka.CopyPartition, from, to int64) (ahead, error) {
	var a ahead
	err := p.Read(ctx, from, to, func(offset int64, packed []byte) {
		if len(a.sums) < maxAhead {
			a.sums, a.ends = append(a.sums, sumOf(packed)), append(a.ends, offset+1)
		}
	})
	if err != nil {
		return ahead{}, err
	}
	return a, nil
}

// match looks for the next source record. If it is there, it is taken off,
// with what stands before it: that is not the source's. Each record there
// serves for one of the source's at most, so nothing is skipped that is not
// there.
func (a *ahead) match(packed []byte) (end int64, strangers int, ok bool) {
	s := sumOf(packed)
	for i := range a.sums {
		if a.sums[i] == s {
			end = a.ends[i]
			a.sums, a.ends = a.sums[i+1:], a.ends[i+1:]
			return end, i, true
		}
	}
	return 0, 0, false
}
