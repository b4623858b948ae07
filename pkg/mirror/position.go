package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/kafka"
)

// MoveOptions say which group goes on where.
type MoveOptions struct {
	// Old is where the group of Old.Kafka has read until now, and New the copy,
	// where that of New.Kafka reads on.
	Old, New Leg
	// Force moves the group though it has offsets in the copy.
	Force bool
	// Note makes the note beside an offset in the copy from that beside the same
	// record's offset in the old place; find says where an old offset's record
	// stands in the copy. Without it, a note that is not empty is an error.
	Note func(note string, find func(old int64) (int64, error)) (string, error)
	Log  *zap.Logger
}

// Moved is what Move has committed for a partition.
type Moved struct {
	Partition int32
	Old, New  int64
}

// Move commits for the group in the copy, for each partition, the offset of the
// very record that the group in the old place would have read next. It returns
// what it has committed, which is nothing when the group has offsets for all
// partitions already: so it may be called at every start. It waits for records
// that are not copied yet.
//
// Where the record cannot be found it fails, and commits nothing at all: no
// event is skipped. It fails, too, while either group has members.
func Move(ctx context.Context, opts MoveOptions) (_ []Moved, err error) {
	if named(opts.Old, opts.New) {
		return nil, fmt.Errorf("%s at %v is both the old place and the copy; give the copy in kafka.* and the old place in the other file", opts.Old.Topic, opts.Old.Kafka.BootstrapServers)
	}
	m := &mover{opts: opts, log: opts.Log}
	if m.new, err = kafka.OpenReader(ctx, opts.New.Kafka); err != nil {
		return nil, fmt.Errorf("the copy: %w", err)
	}
	defer func() { err = errors.Join(err, m.new.Close()) }()
	open, err := m.open(ctx)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	// From here on the old place is needed.
	if m.old, err = kafka.OpenReader(ctx, opts.Old.Kafka); err != nil {
		return nil, fmt.Errorf("the old place: %w", err)
	}
	defer func() { err = errors.Join(err, m.old.Close()) }()
	if err := apart(ctx, opts.Old, opts.New, m.old, m.new); err != nil {
		return nil, fmt.Errorf("the copy of kafka.* is the old place of the other file: %w", err)
	}
	old, err := m.oldPlaces(ctx)
	if err != nil {
		return nil, err
	}
	for p := range old {
		if !slices.Contains(m.there, p) {
			return nil, fmt.Errorf("group %s has read partition %d of %s, which the copy %s does not have, so its events would be skipped; let the mirror add it",
				opts.Old.Kafka.GroupID, p, opts.Old.Topic, opts.New.Topic)
		}
	}
	places, moved := map[int32]kafka.GroupPlace{}, []Moved{}
	for _, p := range open {
		at, ok := old[p]
		if !ok {
			m.log.Info("the group has nothing committed for this partition in the old place; kafka.start decides where it begins", zap.Int32("partition", p))
			continue
		}
		if places[p], err = m.place(ctx, p, at); err != nil {
			return nil, err
		}
		moved = append(moved, Moved{p, at.Next, places[p].Next})
	}
	if len(places) == 0 {
		return nil, nil
	}
	if err := m.commit(ctx, old, places); err != nil {
		return nil, err
	}
	for _, at := range moved {
		m.log.Info("the group goes on in the copy", zap.String("group", opts.New.Kafka.GroupID), zap.Int32("partition", at.Partition),
			zap.Int64("old_offset", at.Old), zap.Int64("offset", at.New))
	}
	return moved, nil
}

// named reports whether both are the same topic by their names alone.
func named(a, b Leg) bool {
	return a.Topic == b.Topic && slices.ContainsFunc(a.Kafka.BootstrapServers, func(s string) bool {
		return slices.ContainsFunc(b.Kafka.BootstrapServers, func(t string) bool { return strings.EqualFold(s, t) })
	})
}

// apart refuses a copy that is the other place itself, under whatever address:
// everything would be found there, and prove nothing.
func apart(ctx context.Context, a, b Leg, inA, inB *kafka.Reader) error {
	if a.Topic != b.Topic {
		return nil
	}
	one, err := inA.ClusterID(ctx)
	if err != nil {
		return a.blame(a.Topic, err)
	}
	other, err := inB.ClusterID(ctx)
	if err != nil {
		return b.blame(b.Topic, err)
	}
	if one != other || one == "" {
		return nil
	}
	return fmt.Errorf("%v and %v lead to one cluster (%s), so %s would be held against itself; name the cluster that has the copy",
		a.Kafka.BootstrapServers, b.Kafka.BootstrapServers, one, a.Topic)
}

// mover is one call of Move.
type mover struct {
	opts     MoveOptions
	log      *zap.Logger
	old, new *kafka.Reader
	there    []int32 // the copy's partitions
}

// open returns the copy's partitions for which the group has no offset yet, or
// with Force all of them.
func (m *mover) open(ctx context.Context) (open []int32, err error) {
	group := m.opts.New.Kafka.GroupID
	if m.there, err = m.new.Partitions(ctx, m.opts.New.Topic); err != nil {
		return nil, fmt.Errorf("the copy: %w", err)
	}
	have, err := m.new.GroupPlaces(ctx, group, m.opts.New.Topic, m.there)
	if err != nil {
		return nil, fmt.Errorf("the copy: %w", err)
	}
	for _, p := range m.there {
		if _, placed := have[p]; !placed || m.opts.Force {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		m.log.Info("the group has its offsets in the copy already; it goes on there, and nothing is moved", zap.String("group", group), zap.String("topic", m.opts.New.Topic))
		return nil, nil
	}
	return open, m.idle(ctx, m.new, group, "the copy", "nobody else may commit for it; stop them, and start again")
}

// idle fails while a group has members.
func (m *mover) idle(ctx context.Context, r *kafka.Reader, group, where, hint string) error {
	members, err := r.GroupMembers(ctx, group)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", where, err)
	case members > 0:
		return fmt.Errorf("%s: group %s has %d active members: %w: %s", where, group, members, kafka.ErrGroupActive, hint)
	}
	return nil
}

// oldPlaces returns what the group has committed in the old place. It must not
// go on there, or what it reads now would be sent again.
func (m *mover) oldPlaces(ctx context.Context) (map[int32]kafka.GroupPlace, error) {
	group, topic := m.opts.Old.Kafka.GroupID, m.opts.Old.Topic
	if err := m.idle(ctx, m.old, group, "the old place", "they would go on reading there; stop them, and start again"); err != nil {
		return nil, err
	}
	partitions, err := m.old.Partitions(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("the old place: %w", err)
	}
	places, err := m.old.GroupPlaces(ctx, group, topic, partitions)
	if err != nil {
		return nil, fmt.Errorf("the old place: %w", err)
	}
	if len(places) == 0 {
		return nil, fmt.Errorf("the old place: group %s has committed nothing for %s; check kafka.group_id and kafka.topics of the old configuration, or leave --from-mirror-position out to begin at kafka.start", group, topic)
	}
	return places, nil
}

// place is where the group goes on in the copy.
func (m *mover) place(ctx context.Context, p int32, old kafka.GroupPlace) (kafka.GroupPlace, error) {
	next, err := m.find(ctx, p, old.Next)
	if err != nil || old.Note == "" {
		return kafka.GroupPlace{Next: next}, err
	}
	if m.opts.Note == nil {
		return kafka.GroupPlace{}, fmt.Errorf("%s/%d: beside the offset %d stands a note, which cannot be taken along: %q", m.opts.Old.Topic, p, old.Next, old.Note)
	}
	note, err := m.opts.Note(old.Note, func(offset int64) (int64, error) { return m.find(ctx, p, offset) })
	if err != nil {
		return kafka.GroupPlace{}, fmt.Errorf("%s/%d: take along the note beside offset %d: %w", m.opts.Old.Topic, p, old.Next, err)
	}
	return kafka.GroupPlace{Next: next, Note: note}, nil
}

// commit looks once more whether anybody has moved the groups meanwhile. The
// broker itself refuses the commit if the group has got members.
func (m *mover) commit(ctx context.Context, before, places map[int32]kafka.GroupPlace) error {
	now, err := m.oldPlaces(ctx)
	if err != nil {
		return err
	}
	if !maps.Equal(before, now) {
		return errors.New("the old place: the group's offsets have changed meanwhile, so it is still in use; stop all that read as this group, and start again")
	}
	if err := m.new.CommitPlaces(ctx, m.opts.New.Kafka.GroupID, m.opts.New.Topic, places); err != nil {
		return fmt.Errorf("the copy: %w", err)
	}
	return nil
}
