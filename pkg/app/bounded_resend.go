package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/kafka"
)

// ResendField is the indexed field that marks what a resend has sent.
const ResendField = "resend"

// Resend is a window of time that is sent once more. It is read by a group of its
// own, which begins, in each partition, at the first record that is as young as
// From, and ends before the first one that is as young as To.
type Resend struct{ From, To time.Time }

// String names the window, as the field does.
func (r Resend) String() string {
	return r.From.UTC().Format(time.RFC3339Nano) + "/" + r.To.UTC().Format(time.RFC3339Nano)
}

const (
	resendPrefix = "resend-"
	resendForm   = "20060102T150405.999Z"
)

// suffix names the window where a slash or a colon cannot stand.
func (r Resend) suffix() string {
	return resendPrefix + r.From.UTC().Format(resendForm) + "-" + r.To.UTC().Format(resendForm)
}

// field is the marker.
func (r Resend) field() string { return ResendField + "=" + r.String() }

// resendOf is the way back from Folder.
func resendOf(dir string) (r Resend, ok bool) {
	name, ok := strings.CutPrefix(filepath.Base(dir), resendPrefix)
	from, to, both := strings.Cut(name, "-")
	if !ok || !both {
		return r, false
	}
	var errs [2]error
	r.From, errs[0] = time.Parse(resendForm, from)
	r.To, errs[1] = time.Parse(resendForm, to)
	return r, errors.Join(errs[:]...) == nil
}

// markedAsResend marks what is sent of the dead letters of a resend, as the
// resend itself does.
func markedAsResend(cfg config.Config) config.Config {
	r, ok := resendOf(cfg.DeadLetter.Dir)
	if !ok || cfg.HEC.Formatted || cfg.HEC.AnyText() || slices.Contains(cfg.HEC.Fields, r.field()) {
		return cfg
	}
	cfg.HEC.Fields = append(slices.Clone(cfg.HEC.Fields), r.field())
	return cfg
}

// Apply returns the configuration of the forwarder that sends the window. The
// group is named after that of cfg, unless another name is given. What differs
// is told to who changes it: the group, where it starts, and the marker.
func (r Resend) Apply(cfg config.Config, group string) (config.Config, error) {
	switch {
	case cfg.HEC.Formatted:
		return cfg, errors.New("hec.formatted: values are sent as they are, so that a resend could not be told apart; turn it off, or reset the offsets of the group instead (offsets reset)")
	case cfg.HEC.AnyText():
		return cfg, errors.New("hec.endpoint: the raw endpoint takes no field, so that a resend could not be told apart; set it to event, or reset the offsets of the group instead (offsets reset)")
	}
	if group == "" {
		group = cfg.Kafka.GroupID + "-" + r.suffix()
	}
	if group == cfg.Kafka.GroupID {
		return cfg, fmt.Errorf("kafka.group_id: %q is the group whose offsets a resend must not touch; give another name", group)
	}
	cfg.Kafka.GroupID = group
	cfg.Kafka.Start = r.From.UTC().Format(time.RFC3339Nano)
	cfg.HEC.Fields = append(slices.Clone(cfg.HEC.Fields), r.field())
	var errs []error
	for _, err := range cfg.HEC.Validate() {
		errs = append(errs, fmt.Errorf("hec.%w", err))
	}
	for _, err := range cfg.Kafka.Validate() {
		errs = append(errs, fmt.Errorf("kafka.%w", err))
	}
	return cfg, errors.Join(errs...)
}

// Folder returns where the dead letters of the window go, beside a forwarder that
// runs: a folder within its own.
func (r Resend) Folder(dir string) string { return filepath.Join(dir, r.suffix()) }

// Again sets the group of an applied configuration back to the window's start.
func (r Resend) Again(ctx context.Context, cfg config.Config) (err error) {
	o, err := kafka.OpenOffsets(ctx, cfg.Kafka)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	all, err := o.Partitions()
	if err != nil {
		return err
	}
	to := map[kafka.TopicPartition]int64{}
	for _, p := range all {
		if to[p], err = o.At(p, r.From); err != nil {
			return err
		}
	}
	return o.Set(ctx, to)
}

// beginsLate tells where a partition begins that has lost what may have been in
// the window; empty: it has not.
func (b Bounded) beginsLate(o *kafka.Offsets, p kafka.TopicPartition, l kafka.Log) (string, error) {
	if b.From.IsZero() || l.Start == 0 {
		return "", nil
	}
	when, found, err := o.Next(p, l.Start, l.End)
	switch {
	case err != nil || found && !when.After(b.From):
		return "", err
	case !found:
		return fmt.Sprintf("%s is empty up to offset %d", p, l.End), nil
	}
	return fmt.Sprintf("%s at offset %d of %s", p, l.Start, when.UTC().Format(time.RFC3339)), nil
}
