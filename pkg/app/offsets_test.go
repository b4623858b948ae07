package app

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/kafka"
)

// TestAskEach: questions are open at once, and as many as allowed; the answers come
// in the order of the partitions, and one that fails stops no other.
func TestAskEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // ends a test in which all wait for each other
		const partitions = 3*askedAtOnce + 1
		var all []kafka.TopicPartition
		for p := range int32(partitions) {
			all = append(all, kafka.TopicPartition{Topic: "t", Partition: p})
		}
		bad := errors.New("bad")
		var mu sync.Mutex
		open, most := 0, 0
		goOn := make(chan struct{})
		var asking sync.WaitGroup
		var answers []string
		var errs []error
		asking.Go(func() {
			answers, errs = askEach(all, func(i int, p kafka.TopicPartition) (string, error) {
				mu.Lock()
				open++
				most = max(most, open)
				mu.Unlock()
				<-goOn
				mu.Lock()
				open--
				mu.Unlock()
				if i == 1 {
					return "", bad
				}
				return p.String(), nil
			})
		})
		synctest.Wait()
		if open != askedAtOnce {
			t.Errorf("%d questions are open, want %d", open, askedAtOnce)
		}
		close(goOn)
		asking.Wait()
		if most != askedAtOnce {
			t.Errorf("%d questions were open at once, want %d", most, askedAtOnce)
		}
		want := make([]string, partitions)
		for i := range want {
			want[i] = "t/" + strconv.Itoa(i)
		}
		want[1] = ""
		if diff := cmp.Diff(want, answers); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		for i, err := range errs {
			if (err != nil) != (i == 1) {
				t.Errorf("partition %d: error %v", i, err)
			}
		}
	})
}
