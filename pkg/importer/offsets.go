package importer

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// maxOffsets bounds what a file of offsets may hold.
const maxOffsets = 100_000

// Offset is the next offset that a connector reads of a partition.
type Offset struct {
	Connector string `json:"connector,omitempty"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Next      int64  `json:"next_offset"`
}

// sinkOffset is how Connect writes a sink connector's offsets.
type sinkOffset struct {
	Partition struct {
		Topic     *string `json:"kafka_topic"`
		Partition *int32  `json:"kafka_partition"`
	} `json:"partition"`
	Offset *struct {
		Offset *int64 `json:"kafka_offset"`
	} `json:"offset"`
}

// offset returns what it says, if it is a sink connector's.
func (s sinkOffset) offset() (Offset, bool) {
	p := s.Partition
	if p.Topic == nil || p.Partition == nil || s.Offset == nil || s.Offset.Offset == nil ||
		*p.Topic == "" || *p.Partition < 0 || *s.Offset.Offset < 0 {
		return Offset{}, false
	}
	return Offset{Topic: *p.Topic, Partition: *p.Partition, Next: *s.Offset.Offset}, true
}

// readOffsetJSON reads the answer of GET /connectors/<name>/offsets.
func readOffsetJSON(path string, raw json.RawMessage) ([]Document, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, badJSON(err)
	}
	if len(list) > maxOffsets {
		return nil, fmt.Errorf("holds more than %d offsets; give those of one connector", maxOffsets)
	}
	d := Document{Path: path, Kind: OffsetSet}
	for i, r := range list {
		var s sinkOffset
		err := json.Unmarshal(r, &s)
		o, ok := s.offset()
		if err != nil || !ok {
			d.Dropped = append(d.Dropped, Finding{
				Property: fmt.Sprintf("offsets[%d]", i), Where: filepath.Base(path), Verdict: NotNeeded,
				Text: "it is no offset of a sink connector (kafka_topic, kafka_partition, kafka_offset)",
			})
			continue
		}
		d.Offsets = append(d.Offsets, o)
	}
	return offsetDocument(d), nil
}

// readOffsetFile reads offset.storage.file.filename of a standalone worker.
func readOffsetFile(path string, data []byte) ([]Document, error) {
	pairs, err := readJavaMap(data)
	if err != nil {
		return nil, fmt.Errorf("begins as an offset file of a standalone worker, but %w", err)
	}
	d := Document{Path: path, Kind: OffsetSet}
	for i, p := range pairs {
		o, name, ok := standaloneOffset(p)
		if !ok {
			text := "it is an offset of a source connector, which reads nothing from Kafka"
			if name != "" {
				text = fmt.Sprintf("it is an offset of the source connector %q, which reads nothing from Kafka", name)
			}
			d.Dropped = append(d.Dropped, Finding{Property: fmt.Sprintf("offset[%d]", i), Where: filepath.Base(path), Verdict: NotNeeded, Text: text})
			continue
		}
		d.Offsets = append(d.Offsets, o)
	}
	return offsetDocument(d), nil
}

// standaloneOffset reads one entry, ["connector",{partition}] and {offset}.
func standaloneOffset(p javaPair) (o Offset, connector string, ok bool) {
	var key []json.RawMessage
	if json.Unmarshal(p.key, &key) != nil || len(key) != 2 || json.Unmarshal(key[0], &connector) != nil {
		return o, "", false
	}
	var s sinkOffset
	if json.Unmarshal(key[1], &s.Partition) != nil || json.Unmarshal(p.value, &s.Offset) != nil {
		return o, connector, false
	}
	o, ok = s.offset()
	o.Connector = connector
	return o, connector, ok
}

func offsetDocument(d Document) []Document {
	sort.SliceStable(d.Offsets, func(i, j int) bool {
		a, b := d.Offsets[i], d.Offsets[j]
		return a.Topic < b.Topic || a.Topic == b.Topic && a.Partition < b.Partition
	})
	if len(d.Offsets) == 0 {
		d.Notes = append(d.Notes, filepath.Base(d.Path)+" holds no offset of a sink connector. That is as it should be: "+
			"sink connectors, in standalone mode too, keep their offsets in their consumer group (connect-<name>) and not in this file")
	}
	return []Document{d}
}

// offsetSteps are the commands that set a group to offsets. They do it and
// do not only tell what they would do, and leave out what lies before, which
// the connector has sent.
func offsetSteps(offsets []Offset, name string) (steps []string) {
	for _, o := range offsets {
		steps = append(steps, fmt.Sprintf("auditlog-forwarder offsets reset --config %s --topic %s --partition %d --to-offset %d --allow-skip --yes   (what lies before it the connector has sent)",
			quoteShell(name), quoteShell(o.Topic), o.Partition, o.Next))
	}
	return steps
}

// readable divides offsets into those of topics that are read and the names
// of the other topics, which offsets reset knows nothing of.
func (t *translation) readable() (kept []Offset, others []string) {
	topics, listed := t.res.settings["kafka.topics"].value.([]string)
	for _, o := range t.res.Offsets {
		switch {
		case !listed || len(topics) == 0 || slices.Contains(topics, o.Topic):
			kept = append(kept, o)
		case !slices.Contains(others, o.Topic):
			others = append(others, o.Topic)
		}
	}
	return kept, others
}

// quoteShell makes a word of a shell.
func quoteShell(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
