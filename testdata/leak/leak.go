// Package leak looks for goroutines that outlive the tests. goleak alone gives
// them less than half a second to end, which a busy machine can use up. It lies
// under testdata, outside of the product's packages.
package leak

import (
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines that are about to end may take. Whoever has
// none waits for nothing.
const patience = time.Minute

// VerifyTestMain is goleak.VerifyTestMain with more patience. It takes no
// goleak.Cleanup.
func VerifyTestMain(m goleak.TestingM, options ...goleak.Option) {
	goleak.VerifyTestMain(settling{m, options}, options...)
}

type settling struct {
	goleak.TestingM
	options []goleak.Option
}

// Run runs the tests, and returns when nothing is left of them, or patience is
// over.
func (s settling) Run() int {
	code := s.TestingM.Run()
	for until := time.Now().Add(patience); code == 0 && time.Now().Before(until) && goleak.Find(s.options...) != nil; {
		continue // Find pauses between its looks
	}
	return code
}
