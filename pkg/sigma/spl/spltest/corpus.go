package spltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	catalogue "auditlog-forwarder/config/alerts"
	"auditlog-forwarder/pkg/audit/auditgen"
	"auditlog-forwarder/testdata/events"
)

// generated is how many of the corpus's events auditgen makes.
const generated = 400

// CorpusTime is when the newest event of the corpus happened.
func CorpusTime() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// Corpus gives the events that searches and the stream's evaluator must agree
// on: those of testdata/events and of the catalogue's examples, generated ones,
// and variations of them all: in the other spelling of names, with the
// principal as a text and as an object, and with what makes searches go wrong.
// They are the same in each run. Their times are a minute apart.
func Corpus() ([]Event, error) {
	var documents []*document
	for _, source := range []func() ([]*document, error){fileEvents, exampleEvents} {
		more, err := source()
		if err != nil {
			return nil, err
		}
		documents = append(documents, more...)
	}
	var raw [][]byte
	for i, d := range documents {
		raw = append(raw, d.append(nil))
		for j, v := range variations() {
			// Twins in the other spelling for all, each other variation for some.
			if j > 0 && (i+j)%3 != 0 {
				continue
			}
			if changed := v(d).append(nil); !bytes.Equal(changed, raw[len(raw)-1]) {
				raw = append(raw, changed)
			}
		}
	}
	g, err := auditgen.New(1)
	if err != nil {
		return nil, err
	}
	for range generated {
		raw = append(raw, g.Next(nil, CorpusTime()))
	}
	raw = append(raw, oddities()...)
	out := make([]Event, len(raw))
	for i, r := range raw {
		at := CorpusTime().Add(-time.Duration(len(raw)-1-i) * time.Minute)
		out[i] = Event{Raw: r, Time: at, IndexTime: at.Add(2 * time.Second), Index: "audit", Sourcetype: sourcetype(r)}
	}
	return out, nil
}

func sourcetype(raw []byte) string {
	if bytes.Contains(raw, []byte(`"auditlog-forwarder.heartbeat.v1"`)) {
		return "auditlog-forwarder:heartbeat"
	}
	return "confluent:auditlog"
}

func fileEvents() ([]*document, error) {
	names, err := fs.Glob(events.FS, "*.json")
	if err != nil {
		return nil, err
	}
	var out []*document
	for _, name := range names {
		raw, err := events.FS.ReadFile(name)
		if err != nil {
			return nil, err
		}
		d, err := parseDocument(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, d)
	}
	return out, nil
}

// exampleEvents are the catalogue's, one of each that is repeated.
func exampleEvents() ([]*document, error) {
	names, err := fs.Glob(catalogue.FS, "*.yml")
	if err != nil {
		return nil, err
	}
	var out []*document
	for _, name := range names {
		text, err := catalogue.FS.ReadFile(name)
		if err != nil {
			return nil, err
		}
		dec := yaml.NewDecoder(bytes.NewReader(text))
		for {
			var rule struct {
				Examples []struct {
					Events []struct{ Event yaml.Node }
				}
			}
			if err := dec.Decode(&rule); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			for _, example := range rule.Examples {
				for i := range example.Events {
					d, err := yamlDocument(&example.Events[i].Event)
					if err != nil {
						return nil, fmt.Errorf("%s: %w", name, err)
					}
					out = append(out, d)
				}
			}
		}
	}
	return out, nil
}

// oddities are events that no service would send.
func oddities() [][]byte {
	text, _ := json.Marshal(`a "quoted" \ back|slash * star? 'x' äß` + "\n\t")
	return [][]byte{
		[]byte(`{}`),
		[]byte(`{"data":null}`),
		[]byte(`{"data":{"methodName":[]}}`),
		[]byte(`{"data":{"methodName":["DeleteKafkaCluster"]}}`),
		[]byte(`{"data":{"methodName":{"x":"DeleteKafkaCluster"}}}`),
		[]byte(`{"data":{"methodName":"DeleteKafkaCluster","methodName":"CreateAPIKey"}}`),
		[]byte(`{"data":{"methodName":"deletekafkacluster "}}`),
		[]byte(`{"data":{"methodName":""}}`),
		[]byte(`{"data":{"methodName":"null"}}`),
		[]byte(`{"data":{"methodName":"mds.Authorize","authenticationInfo":{"errorMessage":null},"authorizationInfo":{"granted":true}}}`),
		[]byte(`{"data":{"methodName":"mds.Authorize","authenticationInfo":{"errorMessage":"null"},"authorizationInfo":{"granted":true}}}`),
		[]byte(`{"data":{"methodName":"mds.Authorize","authenticationInfo":{"errorMessage":""},"authorizationInfo":{"granted":true}}}`),
		[]byte(`{"data.methodName":"DeleteKafkaCluster"}`),
		[]byte(`{"note":"data.methodName=DeleteKafkaCluster"}`),
		[]byte(`{"data":{"methodName":` + string(text) + `}}`),
		[]byte(`{"data":{"methodName":"DeleteKafkaCluster","resourceName":"a\nlkc-a1 env-b2\n lkc-c3"}}`),
		[]byte(`{"data":{"authorizationInfo":{"granted":"FALSE"}},"type":"io.confluent.kafka.server/authorization"}`),
		[]byte(`{"data":{"methodName":"DeleteEnvironment","pad":"` + strings.Repeat("x", 20000) + `"}}`),
	}
}
