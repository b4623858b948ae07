package hec

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
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

// dayOf is a process's count of a day, whose limit is 100,000 bytes.
func dayOf(path string) (*day, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.DebugLevel)
	return newDay(Limit{BytesPerDay: 100_000, OnDailyLimit: DailySlow}, path, zap.New(core)), logs
}

// sends lets go what is granted at once, in at most so many batches of 700 bytes.
func sends(d *day, most int) (n int64) {
	for range most {
		now := time.Now()
		at, granted := d.admit(now, 700)
		if !granted || at.After(now) {
			if granted {
				d.giveBack(now, 700)
			}
			break
		}
		d.goes(now, 700)
		n += 700
	}
	return n
}

const all = 1000 // batches, more than a day takes

// TestDayFile: a process goes on with what those before it have sent today,
// whether they were stopped or killed.
func TestDayFile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		killed bool
		after  time.Duration
		want   int64 // what the next process finds used
		most   int64 // and at most
	}{
		"stopped":              {false, time.Hour, 35_000, 35_000},
		"killed":               {true, time.Hour, 35_000, 36_000},
		"stopped, a day later": {false, 24 * time.Hour, 0, 0},
		"killed, a day later":  {true, 24 * time.Hour, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "day.json")
			synctest.Test(t, func(t *testing.T) {
				first, _ := dayOf(path)
				sends(first, 50)
				if !tc.killed {
					first.close()
				}
				pass(t, tc.after)
				second, logs := dayOf(path)
				if n := second.today(time.Now()); n < tc.want || n > tc.most {
					t.Errorf("%d bytes are used, want %d to %d", n, tc.want, tc.most)
				}
				if n := logs.FilterMessageSnippet("goes on").Len(); n != int(min(1, tc.want)) {
					t.Errorf("told %d times", n)
				}
			})
		})
	}
}

// TestDayKilledOften: however often a process is killed, a day gets no more than
// the limit, and its first four fifths lose a share to each kill at most.
func TestDayKilledOften(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "day.json")
	synctest.Test(t, func(t *testing.T) {
		const kills = 20
		var sent int64
		for range kills {
			d, _ := dayOf(path)
			sent += sends(d, 3)
		}
		d, _ := dayOf(path)
		sent += sends(d, all)
		if least := int64(80_000 - kills*1000 - 700); sent > 80_000 || sent < least {
			t.Errorf("%d bytes went at once in spite of kills, want %d to 80000", sent, least)
		}
	})
}

// TestDayKilledWhileItWaits: what was granted for later and still waits when a
// process is killed is left for the next one.
func TestDayKilledWhileItWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "day.json")
	synctest.Test(t, func(t *testing.T) {
		p, err := newPacer(Limit{BytesPerDay: 100_000, OnDailyLimit: DailySlow}, path, prometheus.NewRegistry(), zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		ctx, kill := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 10 { // 80,000 go at once, the last two wait for hours
			wg.Go(func() { _ = p.wait(ctx, 1, 10_000) })
		}
		synctest.Wait()
		if n := p.day.today(time.Now()); n != 80_000 {
			t.Errorf("%d bytes were sent, it says, want 80000", n)
		}
		next, _ := dayOf(path)
		if n := next.today(time.Now()); n < 80_000 || n > 81_000 {
			t.Errorf("%d bytes are used, want what has gone, 80000, and at most a share", n)
		}
		kill()
		wg.Wait()
	})
}

// TestDayFileUnusable: a file that cannot be read or written is told, once, and
// holds nothing up.
func TestDayFileUnusable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		make func(t *testing.T, path string)
		told []string
	}{
		"not there":       {func(*testing.T, string) {}, nil},
		"empty":           {write(""), []string{"is not known"}},
		"no count":        {write("hello"), []string{"is not known"}},
		"below 0":         {write(`{"day":"2000-01-01","bytes":-7}`), []string{"is not known"}},
		"of a later day":  {write(`{"day":"2031-01-01","bytes":99999999}`), nil},
		"a folder":        {func(t *testing.T, path string) { t.Helper(); mkdir(t, path) }, []string{"is not known", "cannot be kept"}},
		"the copy is one": {func(t *testing.T, path string) { t.Helper(); mkdir(t, filepath.Join(path+".tmp", "x")) }, []string{"cannot be kept"}},
		"of a crash":      {func(t *testing.T, path string) { t.Helper(); write(`{"day":`)(t, path+".tmp") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "day.json")
			tc.make(t, path)
			synctest.Test(t, func(t *testing.T) {
				d, logs := dayOf(path)
				if n := sends(d, all); n < 79_000 || n > 80_000 {
					t.Errorf("%d bytes went at once, want four fifths of the limit", n)
				}
				var told []string
				for _, l := range logs.FilterLevelExact(zapcore.WarnLevel).All() {
					if !strings.Contains(l.Message, "four fifths") {
						told = append(told, l.Message)
					}
				}
				if len(told) != len(tc.told) {
					t.Fatalf("told %q, want %q", told, tc.told)
				}
				for i, want := range tc.told {
					if !strings.Contains(told[i], want) {
						t.Errorf("told %q, want %q", told[i], want)
					}
				}
			})
		})
	}
}

// TestDayFileToldDaily: a count that cannot be kept is told on each day, so that
// one who mended it once learns of the next time.
func TestDayFileToldDaily(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "day.json")
	mkdir(t, filepath.Join(path+".tmp", "x"))
	synctest.Test(t, func(t *testing.T) {
		d, logs := dayOf(path)
		for days := 1; days <= 3; days++ {
			sends(d, all)
			if n := logs.FilterMessageSnippet("cannot be kept").Len(); n != days {
				t.Errorf("told %d times in %d days", n, days)
			}
			pass(t, 24*time.Hour)
		}
	})
}

// TestDayFileOnlyWithLimit: who has no limit gets no file.
func TestDayFileOnlyWithLimit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "day.json")
	p, err := newPacer(Limit{OnDailyLimit: DailySlow}, path, prometheus.NewRegistry(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.wait(t.Context(), 1, 1000); err != nil {
		t.Fatal(err)
	}
	p.day.close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("there is a file: %v", err)
	}
}

// TestDayFileOfClient: a client that is closed leaves the exact count.
func TestDayFileOfClient(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "day.json")
	r := newRig(t, func(c *Config) { c.Limit.BytesPerDay = 1 << 30 })
	c, err := New(r.cfg, Options{Version: "test", Log: zap.NewNop(), Registerer: prometheus.NewRegistry(), DayFile: path})
	if err != nil {
		t.Fatal(err)
	}
	b, today := r.batch(numbered(3)...), time.Now().UTC().Format(time.DateOnly)
	if _, err := c.Deliver(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	c.Close()
	var got dayCount
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	midnight := time.Now().UTC().Format(time.DateOnly) != today // came in between: either day may have counted them
	if want := int64(b.Values); err != nil || !midnight && got.Bytes != want {
		t.Errorf("the file holds %+v, %v; want %d bytes", got, err, want)
	}
}

func write(text string) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}
