package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/mirror"
	"auditlog-forwarder/pkg/summary"
)

// ResetTo says where offsets are set. One of the targets is given.
type ResetTo struct {
	Time     time.Time // the first record that is as young
	Offset   *int64
	Shift    *int64 // from where it is, not beyond what is there
	Earliest bool
	Latest   bool

	Topics     []string // these alone; empty: all that are configured
	Partitions []int32  // these alone; empty: all
	Mirror     bool     // the group is a mirror's; notes beside the offsets tell it too
	AllowSkip  bool     // also where events are left out for good
	Execute    bool
}

// ResetPlan is what a reset does, or has done.
type ResetPlan struct {
	Group      kafka.GroupState `json:"group"`
	Partitions []ResetRow       `json:"partitions"`
	Again      int64            `json:"again"`     // offsets that are read a second time
	Skipped    int64            `json:"skipped"`   // offsets that are never read
	Notes      int              `json:"notes"`     // that are dropped
	Uncounted  bool             `json:"uncounted"` // of any partition
	Mirror     bool             `json:"mirror"`    // a mirror has this group: what is read again is in the copy twice
	Executed   bool             `json:"executed"`  // false: nothing was changed
}

// ResetRow is what a reset does to a partition.
type ResetRow struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Old       *int64 `json:"old"` // nil: none
	New       int64  `json:"new"`
	Again     int64  `json:"again"`
	Skipped   int64  `json:"skipped"`
	Note      bool   `json:"note_dropped"`
	Uncounted bool   `json:"uncounted"` // events below the new offset, of a summary that is not sent, may be left out
	Clipped   bool   `json:"clipped"`   // a shift would have gone beyond what is there
}

// ErrSkips says that a reset would leave events out.
var ErrSkips = errors.New("it would leave events out")

// ResetOffsets sets the group's offsets, or only tells what that would do. It
// writes nothing but the group's offsets, so that it works on a read-only cluster.
// While the group has members it is a *kafka.ActiveError. The plan is there also
// with an error that refuses it.
func ResetOffsets(ctx context.Context, cfg kafka.Config, to ResetTo) (plan ResetPlan, err error) {
	o, err := kafka.OpenOffsets(ctx, cfg)
	if err != nil {
		return plan, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if plan.Group, err = o.State(ctx); err != nil {
		return plan, err
	}
	chosen, err := to.choose(o)
	if err != nil {
		return plan, err
	}
	committed, err := o.Committed(ctx, chosen)
	if err != nil {
		return plan, err
	}
	plan.Mirror = to.Mirror
	set := map[kafka.TopicPartition]int64{}
	var errs []error
	rows, failed := askEach(chosen, func(_ int, p kafka.TopicPartition) (ResetRow, error) { return to.row(o, p, committed[p]) })
	for i, p := range chosen {
		row := rows[i]
		if failed[i] != nil {
			errs = append(errs, failed[i])
			continue
		}
		plan.Partitions = append(plan.Partitions, row)
		plan.Again += row.Again
		plan.Skipped += row.Skipped
		plan.Uncounted = plan.Uncounted || row.Uncounted
		if row.Note {
			plan.Notes++
		}
		if _, ok := mirror.ParseNote(committed[p].Note); ok {
			plan.Mirror = true
		}
		if row.Old == nil || *row.Old != row.New || row.Note {
			set[p] = row.New
		}
	}
	if len(errs) > 0 {
		return plan, errors.Join(errs...)
	}
	switch {
	case !to.Execute:
		return plan, nil
	case (plan.Skipped > 0 || plan.Uncounted) && !to.AllowSkip:
		return plan, ErrSkips
	}
	if err := o.Set(ctx, set); err != nil {
		return plan, err
	}
	plan.Executed = true
	return plan, nil
}

// choose returns the partitions that are meant.
func (to ResetTo) choose(o *kafka.Offsets) ([]kafka.TopicPartition, error) {
	all, err := o.Partitions()
	if err != nil {
		return nil, err
	}
	for _, topic := range to.Topics {
		if !slices.ContainsFunc(all, func(p kafka.TopicPartition) bool { return p.Topic == topic }) {
			return nil, fmt.Errorf("there is no topic %s among those that are configured; see kafka.topics", topic)
		}
	}
	chosen := slices.DeleteFunc(all, func(p kafka.TopicPartition) bool {
		return len(to.Topics) > 0 && !slices.Contains(to.Topics, p.Topic) || len(to.Partitions) > 0 && !slices.Contains(to.Partitions, p.Partition)
	})
	for _, n := range to.Partitions {
		if !slices.ContainsFunc(chosen, func(p kafka.TopicPartition) bool { return p.Partition == n }) {
			return nil, fmt.Errorf("there is no partition %d; offsets show lists them", n)
		}
	}
	return chosen, nil
}

// row plans one partition.
func (to ResetTo) row(o *kafka.Offsets, p kafka.TopicPartition, at kafka.Committed) (row ResetRow, err error) {
	l, err := o.Log(p)
	if err != nil {
		return row, err
	}
	row = ResetRow{Topic: p.Topic, Partition: p.Partition, Note: at.Note != ""}
	// Where reading would go on without a reset.
	next := at.Offset
	switch {
	case at.Offset == kafka.None:
		if next, err = o.First(p, l); err != nil {
			return row, err
		}
	case at.Offset < l.Start || at.Offset > l.High: // expired, or the topic was made again
		next = l.Start
	}
	if at.Offset != kafka.None {
		row.Old = &at.Offset
	}
	if row.New, row.Clipped, err = to.target(o, p, l, at.Offset); err != nil {
		return row, err
	}
	row.Skipped = max(0, row.New-next)
	if next == at.Offset {
		row.Again = max(0, next-row.New)
	}
	row.Uncounted = row.New > max(unsent(at), l.Start)
	return row, nil
}

// unsent is the first offset whose record may be summarised and in no summary.
// Notes that are none of ours, such as the mirror's, say nothing of that.
func unsent(at kafka.Committed) int64 {
	n, err := summary.ParseNote(at.Note)
	switch {
	case err != nil && summary.IsNote(at.Note):
		return 0
	case err == nil && n.Unsent > 0:
		return max(n.Start, n.Sent)
	}
	return math.MaxInt64
}

// target is the new offset.
func (to ResetTo) target(o *kafka.Offsets, p kafka.TopicPartition, l kafka.Log, old int64) (offset int64, clipped bool, err error) {
	switch {
	case to.Earliest:
		return l.Start, false, nil
	case to.Latest:
		return l.End, false, nil
	case to.Offset != nil:
		switch {
		case l.Start == l.End && *to.Offset != l.End:
			return 0, false, fmt.Errorf("%s: offset %d is not there; it is empty, and %d is its end; --partition chooses others", p, *to.Offset, l.End)
		case *to.Offset < l.Start || *to.Offset > l.End:
			return 0, false, fmt.Errorf("%s: offset %d is not there; it holds %d to %d, and %d is its end", p, *to.Offset, l.Start, l.End-1, l.End)
		}
		return *to.Offset, false, nil
	case to.Shift != nil:
		if old == kafka.None {
			return 0, false, fmt.Errorf("%s: no offset is committed that could be shifted; give --to-time, --to-offset, --earliest or --latest", p)
		}
		by := min(max(*to.Shift, l.Start-old), l.End-old)
		return old + by, by != *to.Shift, nil
	}
	offset, err = o.At(p, to.Time)
	return offset, false, err
}
