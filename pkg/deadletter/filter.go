package deadletter

import (
	"bytes"
	"slices"
	"time"
)

// Filter selects entries. An empty field selects all.
type Filter struct {
	Reasons    []Reason
	Topics     []string
	Partitions []int32
	IDs        []string // topic/partition/offset
	Codes      []int
	Body       string    // bytes that the body contains
	Since      time.Time // stored at or after
	Until      time.Time // stored before
}

// Match reports whether f selects e.
func (f Filter) Match(e Entry) bool {
	return oneOf(f.Reasons, e.Reason) &&
		oneOf(f.Topics, e.Record.Topic) &&
		oneOf(f.Partitions, e.Record.Partition) &&
		oneOf(f.Codes, e.Code) &&
		(len(f.IDs) == 0 || slices.Contains(f.IDs, e.ID())) &&
		(f.Since.IsZero() || !e.StoredAt.Before(f.Since)) &&
		(f.Until.IsZero() || e.StoredAt.Before(f.Until)) &&
		(f.Body == "" || bytes.Contains(e.Record.Value, []byte(f.Body)))
}

// All reports whether f selects every entry.
func (f Filter) All() bool {
	return len(f.Reasons)+len(f.Topics)+len(f.Partitions)+len(f.IDs)+len(f.Codes) == 0 &&
		f.Body == "" && f.Since.IsZero() && f.Until.IsZero()
}

func oneOf[T comparable](allowed []T, v T) bool {
	return len(allowed) == 0 || slices.Contains(allowed, v)
}
