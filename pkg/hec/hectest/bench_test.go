package hectest_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"auditlog-forwarder/pkg/hec/hectest"
)

// benchBody is a batch as the forwarder sends it: n envelopes around events of
// about 1.5 KB with many short strings, as audit events have.
func benchBody(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"time":1763800000.%03d,"host":"pkc-1","source":"http:Confluent Audit Logs","sourcetype":"confluent:auditlog","index":"main",`+
			`"fields":{"kafka_topic":"confluent-audit-log-events","kafka_partition":"3","kafka_offset":"%d"},"event":{"specversion":"1.0","id":"%036d",`+
			`"source":"crn://confluent.cloud/kafka=lkc-a1b2c","subject":"crn://confluent.cloud/kafka=lkc-a1b2c","type":"io.confluent.kafka.server/authorization",`+
			`"datacontenttype":"application/json","time":"2026-11-22T08:26:40.%03dZ","data":{"serviceName":"crn://confluent.cloud/kafka=lkc-a1b2c",`+
			`"methodName":"mds.Authorize","resourceName":"crn://confluent.cloud/kafka=lkc-a1b2c/topic=orders","cloudResources":[`, i%1000, i, i, i%1000)
		for j := range 5 {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"scope":{"resources":[{"type":"ORGANIZATION","resourceId":"org-%d"},{"type":"ENVIRONMENT","resourceId":"env-%d"}]},"resource":{"type":"TOPIC","resourceId":"t%d"}}`, j, j, j)
		}
		b.WriteString(`],"authenticationInfo":{"principal":"User:sa-123456","principalResourceId":"sa-123456","identity":"crn://confluent.cloud/service-account=sa-123456"},` +
			`"authorizationInfo":{"granted":true,"operation":"Describe","resourceType":"Topic","resourceName":"orders","patternType":"LITERAL","rbacAuthorization":{"role":"CloudClusterAdmin",` +
			`"scope":{"outerScope":["organization=1","environment=e"]}}},"request":{"correlationId":"42","clientId":"producer-1"},"requestMetadata":{"clientAddress":"192.0.2.7"}}}}`)
	}
	return b.Bytes()
}

// discardWriter is the cheapest ResponseWriter there is.
type discardWriter struct {
	header http.Header
	status int
}

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *discardWriter) WriteHeader(status int)      { w.status = status }

// BenchmarkServe measures the server without a network; run it with -cpu 1 for
// the rate of one core.
func BenchmarkServe(b *testing.B) {
	const events = 700
	plain := benchBody(events)
	var zipped bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&zipped, gzip.BestSpeed)
	if _, err := zw.Write(plain); err != nil {
		b.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		b.Fatal(err)
	}
	for _, mode := range []struct {
		name string
		opt  hectest.Option
	}{
		{"discard", hectest.WithDiscard()},
		{"sink", hectest.WithSink(func(hectest.Event) {})},
	} {
		for _, enc := range []struct {
			name string
			body []byte
		}{{"plain", plain}, {"gzip", zipped.Bytes()}} {
			b.Run(mode.name+"/"+enc.name, func(b *testing.B) {
				s := hectest.New(mode.opt)
				b.SetBytes(int64(len(plain)))
				b.ReportAllocs()
				for b.Loop() {
					r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, event, bytes.NewReader(enc.body))
					if err != nil {
						b.Fatal(err)
					}
					r.Header.Set("Authorization", "Splunk "+hectest.DefaultToken)
					if enc.name == "gzip" {
						r.Header.Set("Content-Encoding", "gzip")
					}
					w := discardWriter{header: http.Header{}}
					if s.ServeHTTP(&w, r); w.status != http.StatusOK {
						b.Fatalf("status %d", w.status)
					}
				}
				b.ReportMetric(float64(s.Len())/b.Elapsed().Seconds(), "events/s")
				b.ReportMetric(float64(len(plain))/events, "bytes/event")
			})
		}
	}
}

// BenchmarkLoopback adds net/http and the kernel, and the client's share.
func BenchmarkLoopback(b *testing.B) {
	const events = 700
	body := string(benchBody(events))
	s := hectest.Start(b, hectest.WithDiscard())
	tr := &http.Transport{WriteBufferSize: 64 << 10}
	b.Cleanup(tr.CloseIdleConnections)
	c := &http.Client{Transport: tr}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.URL()+event, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Splunk "+hectest.DefaultToken)
		resp, err := c.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			b.Fatalf("status %d, %v", resp.StatusCode, err)
		}
	}
	b.ReportMetric(float64(s.Len())/b.Elapsed().Seconds(), "events/s")
}
