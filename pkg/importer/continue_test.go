package importer_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/hec/hectest"
	"auditlog-forwarder/pkg/importer"
)

// TestGoesOnWhereTheConnectorStopped: the connector's consumer, another
// client, has committed; what the imported configuration forwards begins at
// the very next event of each partition.
func TestGoesOnWhereTheConnectorStopped(t *testing.T) {
	t.Parallel()
	const topic, partitions, each = "confluent-audit-log-events", 3, 20
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for i := range partitions * each {
		record := &kgo.Record{Topic: topic, Partition: int32(i % partitions), Value: fmt.Appendf(nil, `{"id":"%d-%d"}`, i%partitions, i/partitions)}
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	done := map[int32]int64{0: 7, 1: 0, 2: 19} // by the connector
	var offsets kadm.Offsets
	for p, next := range done {
		offsets.AddOffset(topic, p, next, -1)
	}
	if err := kadm.NewClient(client).CommitAllOffsets(ctx, "connect-splunk", offsets); err != nil {
		t.Fatal(err)
	}
	splunk := hectest.Start(t)
	dir := t.TempDir()
	connector := fmt.Sprintf(`{"name":"splunk","config":{"connector.class":"com.splunk.kafka.connect.SplunkSinkConnector","topics":%q,
		"splunk.hec.uri":%q,"splunk.hec.token":%q,"splunk.hec.ssl.validate.certs":"false",
		"consumer.override.auto.offset.reset":"latest","value.converter":"org.apache.kafka.connect.storage.StringConverter"}}`,
		topic, splunk.URL(), hectest.DefaultToken)
	worker := "bootstrap.servers=" + strings.Join(cluster.ListenAddrs(), ",") + "\nkey.converter=x\n"
	docs, err := importer.ReadAll([]string{"connector.json", "worker.properties"}, func(path string) ([]byte, error) {
		return map[string][]byte{"connector.json": []byte(connector), "worker.properties": []byte(worker)}[path], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	res, err := importer.Import(docs, importer.Options{ContinueGroup: true, SecretsDir: dir, Name: "config.yaml"})
	if err != nil || !res.Ready() || len(res.Missing) > 0 {
		t.Fatalf("error %v, mistakes %q, missing %v", err, res.Mistakes, res.Missing)
	}
	for _, f := range res.Files() {
		if err := os.WriteFile(f.Path, []byte(f.Data().Reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	extra := fmt.Sprintf("\nadmin.listen: 127.0.0.1:0\nheartbeat.interval: 0s\ndead_letter.dir: %q\n", filepath.Join(dir, "dead"))
	loaded, err := config.LoadBytes(config.Source{}, "config.yaml", append(res.YAML(), extra...))
	if err != nil {
		t.Fatalf("%v\n%s", err, res.YAML())
	}
	forwarder, err := app.New(ctx, app.Options{Config: loaded.Config, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- forwarder.Run(running) }()
	want := partitions * each
	for _, next := range done {
		want -= int(next)
	}
	if err := splunk.Wait(ctx, want); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, e := range splunk.Events() {
		got[string(e.Event)]++
	}
	for p := range int32(partitions) {
		for o := range int64(each) {
			id, sent := fmt.Sprintf(`{"id":"%d-%d"}`, p, o), 0
			if o >= done[p] {
				sent = 1
			}
			if got[id] != sent {
				t.Errorf("the event %s came %d times, want %d", id, got[id], sent)
			}
		}
	}
}
