package app

import (
	"context"
	"time"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/mirror"
)

type (
	// MirrorPoint is where a comparison begins or ends.
	MirrorPoint = mirror.Point
	// MirrorReport is what comes of a comparison.
	MirrorReport = mirror.VerifyReport
	// MirrorFinding is something that is wrong with records.
	MirrorFinding = mirror.Finding
	// MirrorCounts counts records.
	MirrorCounts = mirror.Counts
	// MirrorSpan is a run of offsets.
	MirrorSpan = mirror.Span
	// MirrorVerdict is what a comparison comes to.
	MirrorVerdict = mirror.Verdict
)

// The verdicts that need more words than themselves.
const (
	MirrorTooBehind = mirror.TooBehind
	MirrorUnknown   = mirror.Unknown
)

// VerifyMirrorOptions say what of a mirror is compared.
type VerifyMirrorOptions struct {
	Config     config.Config
	Partitions []int32
	From, To   MirrorPoint
	Window     int // 0 is the default
	Findings   int // of each kind and partition
	MaxBehind  time.Duration
	Progress   func(done, total int64) // may be nil
}

// VerifyMirror compares the topic that a mirror reads with the one that it
// writes. It only reads.
func VerifyMirror(ctx context.Context, opts VerifyMirrorOptions) (*MirrorReport, error) {
	source, err := MirrorSource(opts.Config)
	if err != nil {
		return nil, err
	}
	topic := opts.Config.Mirror.Topic(source.Topics[0])
	return mirror.Verify(ctx, mirror.VerifyOptions{
		Source:      mirror.Leg{Kafka: source, Topic: source.Topics[0]},
		Destination: mirror.Leg{Kafka: opts.Config.Mirror.Cluster(topic), Topic: topic, Section: "mirror"},
		Partitions:  opts.Partitions, From: opts.From, To: opts.To,
		Window: opts.Window, Findings: opts.Findings, MaxBehind: opts.MaxBehind, Progress: opts.Progress,
	})
}
