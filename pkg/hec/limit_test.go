package hec

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// testPacer is for use in a bubble of synctest, whose clock begins at midnight
// UTC of 2000-01-01.
func testPacer(t *testing.T, limit Limit) (*pacer, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	p, err := newPacer(limit, "", prometheus.NewRegistry(), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	return p, logs
}

// pass lets time go by.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := pause(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// went is what a batch did: when it was let go, and how large it is.
type went struct {
	at    time.Time
	bytes int
}

// TestRates: whatever asks, in any span no more goes than the rate gives and
// one second's worth or one batch beside it, and nothing waits longer than it
// must.
func TestRates(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]Limit{
		"bytes": {BytesPerSecond: 1000}, "events": {EventsPerSecond: 1000}, "both, bytes are less": {BytesPerSecond: 1000, EventsPerSecond: 5000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, logs := testPacer(t, limit)
				rng := rand.New(rand.NewPCG(1, 2))
				const largest = 4000 // four seconds' worth
				var mu sync.Mutex
				var all []went
				total := 0
				began := time.Now()
				var wg sync.WaitGroup
				for range 3 {
					var sizes []int
					for range 40 {
						sizes = append(sizes, 1+rng.IntN(largest))
						total += sizes[len(sizes)-1]
					}
					wg.Go(func() {
						for _, n := range sizes {
							if err := p.wait(t.Context(), n, n); err != nil {
								t.Error(err)
							}
							mu.Lock()
							all = append(all, went{time.Now(), n})
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				for from := range all {
					sum := 0
					for _, w := range all[from:] {
						sum += w.bytes
						if most := 1000*w.at.Sub(all[from].at).Seconds() + largest; float64(sum) > most+1 {
							t.Fatalf("%d went within %s, at most %.0f may", sum, w.at.Sub(all[from].at), most)
						}
					}
				}
				// All lanes ask all the time: the rate is used up.
				if took := time.Since(began); took > time.Duration(total)*time.Millisecond {
					t.Errorf("%d took %s at 1000 a second", total, took)
				}
				if counted(p.waited) == 0 || counted(p.waiting) != 0 {
					t.Errorf("waited %v s, %v batches wait", counted(p.waited), counted(p.waiting))
				}
				told := logs.FilterMessageSnippet("hec.limit holds events back").All()
				if len(told) != 1 {
					t.Errorf("told %d times within minutes, want once", len(told))
				} else if key := told[0].ContextMap()["key"]; (key == "hec.limit.events_per_second") != (limit.BytesPerSecond == 0) {
					t.Errorf("the limit that holds back is told as %v", key)
				}
			})
		})
	}
}

func TestNoLimitNoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, logs := testPacer(t, Limit{OnDailyLimit: DailySlow})
		began := time.Now()
		for range 1000 {
			if err := p.wait(t.Context(), 1000, 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 || logs.Len() != 0 || counted(p.waited) != 0 {
			t.Errorf("waited %s, log %v", took, logs.All())
		}
		if n := p.day.today(time.Now()); n != 1000<<20 {
			t.Errorf("%d bytes counted", n)
		}
	})
}

// TestRateGivesBack: who gives up waiting leaves its share to the others.
func TestRateGivesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPacer(t, Limit{BytesPerSecond: 100, BytesPerDay: 1 << 20, OnDailyLimit: DailySlow})
		if err := p.wait(t.Context(), 1, 100); err != nil { // the first second's worth
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.wait(ctx, 1, 5000); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if n := p.day.today(time.Now()); n != 100 {
			t.Errorf("%d bytes of the day are used, want 100", n)
		}
		before := time.Now()
		if err := p.wait(t.Context(), 1, 200); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(before); took > 2*time.Second {
			t.Errorf("waited %s after the one before gave up", took)
		}
	})
}

// TestDaySlow: four fifths go at once; the rest goes evenly until midnight; and
// no day gets more than the limit.
func TestDaySlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, size, lanes = 100_000, 700, 3
		p, logs := testPacer(t, Limit{BytesPerDay: limit, OnDailyLimit: DailySlow})
		midnight := time.Now().UTC().Truncate(24 * time.Hour)
		pass(t, 6*time.Hour)
		began := time.Now()
		ctx, cancel := context.WithDeadline(t.Context(), midnight.Add(72*time.Hour-time.Second))
		defer cancel()
		var mu sync.Mutex
		var all []went
		var wg sync.WaitGroup
		for range lanes {
			wg.Go(func() {
				for p.wait(ctx, 1, size) == nil {
					mu.Lock()
					all = append(all, went{time.Now(), size})
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		byDay := map[int]int{}
		atOnce, byNine := 0, 0
		for _, w := range all {
			byDay[int(w.at.Sub(midnight)/(24*time.Hour))] += size
			if w.at.Equal(began) {
				atOnce += size
			}
			if !w.at.After(midnight.Add(15 * time.Hour)) {
				byNine += size
			}
		}
		for d := range 3 {
			if n := byDay[d]; n > limit || n < limit-lanes*size {
				t.Errorf("day %d got %d bytes of %d", d, n, limit)
			}
		}
		if want := limit * 4 / 5; atOnce > want || atOnce < want-size {
			t.Errorf("%d bytes went at once, want %d", atOnce, want)
		}
		// At 15:00 half of the time from 6:00 to midnight has passed.
		if want := limit * 9 / 10; byNine > want || byNine < want-2*size {
			t.Errorf("%d bytes went by half of the rest of the day, want %d", byNine, want)
		}
		for _, text := range []string{"four fifths", "is reached"} {
			if n := logs.FilterMessageSnippet(text).Len(); n != 3 {
				t.Errorf("%q told %d times in three days, want once a day", text, n)
			}
		}
	})
}

// TestDayWarn: it tells, and lets go.
func TestDayWarn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, logs := testPacer(t, Limit{BytesPerDay: 1000, OnDailyLimit: DailyWarn})
		began := time.Now()
		for range 30 {
			if err := p.wait(t.Context(), 1, 100); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("waited %s", took)
		}
		var told []string
		for _, l := range logs.All() {
			told = append(told, l.Message)
		}
		if len(told) != 2 || !strings.Contains(told[0], "four fifths") || !strings.Contains(told[1], "is passed") {
			t.Errorf("told %q", told)
		}
		pass(t, 24*time.Hour)
		if n := p.day.today(time.Now()); n != 0 {
			t.Errorf("%d bytes of the new day are used", n)
		}
	})
}

// TestDayLetsEverythingGo: what is larger than what is left waits for the next
// day, not for ever, and what is larger than a whole day's limit goes alone.
func TestDayLetsEverythingGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPacer(t, Limit{BytesPerDay: 1000, OnDailyLimit: DailySlow})
		midnight := time.Now().UTC().Truncate(24 * time.Hour)
		pass(t, time.Hour)
		for i, want := range []struct {
			bytes, day int
		}{{700, 0}, {400, 1}, {5000, 2}, {1, 3}, {990, 3}} {
			if err := p.wait(t.Context(), 1, want.bytes); err != nil {
				t.Fatal(err)
			}
			if day := int(time.Since(midnight) / (24 * time.Hour)); day != want.day {
				t.Errorf("batch %d of %d bytes went on day %d, want %d", i, want.bytes, day, want.day)
			}
		}
	})
}

// TestDayGivesBack: who gives up on one day must not change the next day's
// account.
func TestDayGivesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPacer(t, Limit{BytesPerDay: 1000, OnDailyLimit: DailySlow})
		now := time.Now()
		for _, n := range []int64{800, 100} {
			if _, granted := p.day.admit(now, n); !granted {
				t.Fatalf("%d bytes are not granted", n)
			}
		}
		p.day.giveBack(now, 100)
		if n := p.day.used; n != 800 {
			t.Errorf("%d bytes are used, want 800", n)
		}
		tomorrow := now.Add(24 * time.Hour)
		if _, granted := p.day.admit(tomorrow, 50); !granted {
			t.Fatal("not granted on a new day")
		}
		p.day.giveBack(now, 800)
		if n := p.day.used; n != 50 {
			t.Errorf("%d bytes of the new day are used, want 50", n)
		}
		if p.day.today(now); p.day.used != 50 {
			t.Error("a clock that was put back has begun an old day again")
		}
	})
}
